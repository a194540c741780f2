// Backward batch norm, second pass: the gradient of its input, and those of gamma and beta.
//
//   With the sums over the M pixels of segment s, x = (z - mean) inverse_std and a = gamma inverse_std:
//   dz = a (g - sum_g / M - x sum_gx / M) = a g - b - d (z - mean)
//   b  = a sum_g / M,   d = a inverse_std sum_gx / M
//   d_beta[c]  = sum_s sum_g[s, c],   d_gamma[c] = sum_s sum_gx[s, c]
//
// g = gy, already masked (MASK 0 and 1), or gy masked by y > 0, with y computed again from z (MASK 2).
//
// z           f32 or f16 [pixels, channels4] of vec4
// gy, dz      f32 [pixels, channels4] of vec4
// partials    f32 [segments, chunks, 2, channels4] of vec4: sum_g, sum_gx (batch_norm_backward_reduce)
// statistics  f32 [segments, 4, channels4] of vec4: mean, inverse_std, scale = a, beta
// gradients   f32 [2, channels4] of vec4: d_gamma, d_beta
//
// Each workgroup adds up the chunks of its segment; the first one those of all, and writes `gradients`. Workgroups
// (channels, block of pixels, segment); threads as in batch_norm_statistics.

override MASK: u32;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> z: array<Stored>;
@group(0) @binding(2) var<storage, read> gy: array<vec4f>;
@group(0) @binding(3) var<storage, read> partials: array<vec4f>;
@group(0) @binding(4) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> gradients: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dz: array<vec4f>;

// The sums of the thread's channel group over a segment. All threads of a workgroup must call it.
fn add_chunks(segment: u32, channel: u32, local: u32) -> Sums {
  let c4 = dims.channels4;
  let pixels = dims.ends[segment] - segment_start(segment);
  var g = vec4f();
  var gx = vec4f();
  if (channel < c4) {
    for (var k = local / dims.lanes; k * dims.chunk < pixels; k += 64u / dims.lanes) {
      let source = (segment * dims.chunks + k) * 2u * c4 + channel;
      g += partials[source];
      gx += partials[source + c4];
    }
  }
  return add_lanes(g, gx, local);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let c4 = dims.channels4;
  let channel = group.x * dims.lanes + local % dims.lanes;
  let lane = local / dims.lanes;
  let pixel_lanes = 64u / dims.lanes;
  let segment = group.z;

  let first = group.y == 0u && segment == 0u;
  let segments = select(1u, dims.segments, first);
  var own = Sums();
  var total = Sums();
  for (var s = segment; s < segment + segments; s++) {
    let sums = add_chunks(s, channel, local);
    if (s == segment) {
      own = sums;
    }
    total = Sums(total.a + sums.a, total.b + sums.b);
  }
  if (channel >= c4) {
    return;
  }
  if (first && lane == 0u) {
    gradients[channel] = total.b;
    gradients[c4 + channel] = total.a;
  }

  let at = segment * 4u * c4 + channel;
  let mean = statistics[at];
  let scale = statistics[at + 2u * c4];
  let beta = statistics[at + 3u * c4];
  let over = scale / f32(dims.ends[segment] - segment_start(segment));
  let b = over * own.a;
  let d = over * statistics[at + c4] * own.b;
  let start = segment_start(segment) + group.y * dims.block;
  let end = min(start + dims.block, dims.ends[segment]) * c4;
  let step = pixel_lanes * c4;
  for (var i = (start + lane) * c4 + channel; i < end; i += step) {
    var g = gy[i];
    let centered = widen(z[i]) - mean;
    if (MASK == 2u) {
      g = select(vec4f(), g, centered * scale + beta > vec4f());
    }
    dz[i] = scale * g - b - d * centered;
  }
}
