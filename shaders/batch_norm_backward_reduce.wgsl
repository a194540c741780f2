// Backward batch norm, first pass: the ReLU mask and the two sums of each channel over each chunk of pixels.
//
//   sumG[s, k, c]   = sum_p g[p, c]                                      p over chunk k of segment s
//   sumGx[s, k, c]  = sum_p g[p, c] x[p, c],   x = (z - mean) inverseStd
//
//   g = gy                      MASK 0
//   g = gy where y > 0, else 0  MASK 1: y is read; g is written back over gy, for the shortcut needs it too
//                               MASK 2: y is computed again from z; gy is left as it is
//
// z, y        f32 or f16 [pixels, channels4] of vec4 (y is read with MASK 1 only)
// gy          f32 [pixels, channels4] of vec4
// statistics  f32 [segments, 4, channels4] of vec4: mean, inverseStd, scale, beta
// partials    f32 [segments, chunks, 2, channels4] of vec4: sumG, sumGx
//
// Workgroups and threads as in batch_norm_statistics; sums are taken in fixed order.

// needs: lib/batch_norm
// needs: lib/lane_sums
// needs: lib/storage_f32 or lib/storage_f16

override MASK: u32;

@group(0) @binding(1) var<storage, read> z: array<Stored>;
@group(0) @binding(2) var<storage, read> y: array<Stored>;
@group(0) @binding(3) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> gy: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let c4 = dims.channels4;
  let thread = threadOf(group, local);
  let channel = thread.channel;
  let walk = walkOf(thread, group, dims.chunk);

  var sumG = vec4f();
  var sumGx = vec4f();
  if (thread.inside) {
    let at = statisticsAt(group.z, channel);
    let mean = statistics[at];
    let inverseStd = statistics[at + c4];
    let scale = statistics[at + 2u * c4];
    let beta = statistics[at + 3u * c4];
    for (var i = walk.first; i < walk.last; i += walk.step) {
      var g = gy[i];
      let centered = widen(z[i]) - mean;
      if (MASK == 1u) {
        g = select(vec4f(), g, widen(y[i]) > vec4f());
        gy[i] = g;
      } else if (MASK == 2u) {
        g = select(vec4f(), g, centered * scale + beta > vec4f());
      }
      sumG += g;
      sumGx += g * centered;
    }
    sumGx *= inverseStd;
  }
  let sums = addLanes(sumG, sumGx, local);
  if (thread.lane == 0u && thread.inside) {
    let into = partialsAt(group.z, group.y, channel);
    partials[into] = sums.a;
    partials[into + c4] = sums.b;
  }
}
