// Backward batch norm, first pass: the ReLU mask and the two sums of each channel over each chunk of pixels.
//
//   g[p, c]          = gy[p, c] where y[p, c] > 0, else 0                 (MASK 1; written back over gy)
//   sum_g[s, k, c]   = sum_p g[p, c]                                      p over chunk k of segment s
//   sum_gx[s, k, c]  = sum_p g[p, c] x[p, c],   x = (z - mean) inverse_std
//
// z, y, gy    f32 [pixels, channels4] of vec4 (MASK 0: y is not read, gy is left as it is)
// statistics  f32 [segments, 4, channels4] of vec4: mean, inverse_std, scale, beta
// partials    f32 [segments, chunks, 2, channels4] of vec4: sum_g, sum_gx
//
// Workgroups and threads as in batch_norm_statistics; sums are taken in fixed order.

override MASK: u32;

struct Dims {
  channels4: u32,
  lanes: u32,
  chunk: u32,
  chunks: u32,
  segments: u32,
  ends: vec4u,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
@group(0) @binding(2) var<storage, read> y: array<vec4f>;
@group(0) @binding(3) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> gy: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;

var<workgroup> sums_g: array<vec4f, 64>;
var<workgroup> sums_gx: array<vec4f, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let channel = group.x * dims.lanes + local % dims.lanes;
  let lane = local / dims.lanes;
  let pixel_lanes = 64u / dims.lanes;
  let segment = group.z;
  let start = segment_start(segment) + group.y * dims.chunk;
  let end = min(start + dims.chunk, dims.ends[segment]);

  var sum_g = vec4f();
  var sum_gx = vec4f();
  if (channel < dims.channels4) {
    let at = segment * 4u * dims.channels4 + channel;
    let mean = statistics[at];
    let inverse_std = statistics[at + dims.channels4];
    let step = pixel_lanes * dims.channels4;
    let last = end * dims.channels4;
    for (var i = (start + lane) * dims.channels4 + channel; i < last; i += step) {
      var g = gy[i];
      if (MASK == 1u) {
        g = select(vec4f(), g, y[i] > vec4f());
        gy[i] = g;
      }
      sum_g += g;
      sum_gx += g * (z[i] - mean);
    }
    sum_gx *= inverse_std;
  }
  sums_g[local] = sum_g;
  sums_gx[local] = sum_gx;

  for (var step = pixel_lanes / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      sums_g[local] += sums_g[local + step * dims.lanes];
      sums_gx[local] += sums_gx[local + step * dims.lanes];
    }
  }
  if (lane == 0u && channel < dims.channels4) {
    let into = (segment * dims.chunks + group.y) * 2u * dims.channels4 + channel;
    partials[into] = sums_g[local];
    partials[into + dims.channels4] = sums_gx[local];
  }
}
