// Backward batch norm, second pass: the gradient of its input, and those of gamma and beta.
//
//   With the sums over the M pixels of segment s, x = (z - mean) inverseStd and a = gamma inverseStd:
//   gz = a (g - sumG / M - x sumGx / M) = a g - b - d (z - mean)
//   b  = a sumG / M,   d = a inverseStd sumGx / M
//   gBeta[c]  = sum_s sumG[s, c],   gGamma[c] = sum_s sumGx[s, c]
//
// g = gy, already masked (MASK 0 and 1), or gy masked by y > 0, with y computed again from z (MASK 2).
//
// z           f32 or f16 [pixels, channels4] of vec4
// gy, gz      f32 [pixels, channels4] of vec4
// partials    f32 [segments, chunks, 2, channels4] of vec4: sumG, sumGx (batch_norm_backward_reduce)
// statistics  f32 [segments, 4, channels4] of vec4: mean, inverseStd, scale = a, beta
// gradients   f32 [2, channels4] of vec4: gGamma, gBeta
//
// Each workgroup adds up the chunks of its segment; the first one those of all, and writes `gradients`. Workgroups
// (channels, block of pixels, segment); threads as in batch_norm_statistics.

// needs: lib/batch_norm
// needs: lib/lane_sums
// needs: lib/storage_f32 or lib/storage_f16

override MASK: u32;

@group(0) @binding(1) var<storage, read> z: array<Stored>;
@group(0) @binding(2) var<storage, read> gy: array<vec4f>;
@group(0) @binding(3) var<storage, read> partials: array<vec4f>;
@group(0) @binding(4) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> gradients: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> gz: array<vec4f>;

// The sums of the thread's channel group over a segment. All threads of a workgroup must call it.
fn addChunks(segment: u32, channel: u32, local: u32) -> Sums {
  let c4 = dims.channels4;
  let pixels = dims.ends[segment] - segmentStart(segment);
  var g = vec4f();
  var gx = vec4f();
  if (channel < c4) {
    for (var k = local / dims.lanes; k * dims.chunk < pixels; k += 64u / dims.lanes) {
      let source = partialsAt(segment, k, channel);
      g += partials[source];
      gx += partials[source + c4];
    }
  }
  return addLanes(g, gx, local);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let c4 = dims.channels4;
  let thread = threadOf(group, local);
  let channel = thread.channel;
  let segment = group.z;

  let first = group.y == 0u && segment == 0u;
  let segments = select(1u, dims.segments, first);
  var own = Sums();
  var total = Sums();
  for (var s = segment; s < segment + segments; s++) {
    let sums = addChunks(s, channel, local);
    if (s == segment) {
      own = sums;
    }
    total = Sums(total.a + sums.a, total.b + sums.b);
  }
  if (!thread.inside) {
    return;
  }
  if (first && thread.lane == 0u) {
    gradients[channel] = total.b;
    gradients[c4 + channel] = total.a;
  }

  let at = statisticsAt(segment, channel);
  let mean = statistics[at];
  let scale = statistics[at + 2u * c4];
  let beta = statistics[at + 3u * c4];
  let over = scale / f32(dims.ends[segment] - segmentStart(segment));
  let b = over * own.a;
  let d = over * statistics[at + c4] * own.b;
  let walk = walkOf(thread, group, dims.block);
  for (var i = walk.first; i < walk.last; i += walk.step) {
    var g = gy[i];
    let centered = widen(z[i]) - mean;
    if (MASK == 2u) {
      g = select(vec4f(), g, centered * scale + beta > vec4f());
    }
    gz[i] = scale * g - b - d * centered;
  }
}
