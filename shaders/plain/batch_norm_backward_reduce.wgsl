// Backward batch norm, first pass, plainly: the ReLU mask and two sums of each channel over each chunk of pixels
//
//   sumG[s, k, c]   = sum_p g[p, c]                                      p over chunk k of segment s
//   sumGx[s, k, c]  = sum_p g[p, c] x[p, c],   x = (z - mean) inverseStd
//
//   g = gy                      MASK 0
//   g = gy where y > 0, else 0  MASK 1: y is read; g is written back over gy
//                               MASK 2: y is computed again from z; gy is left as it is
//
// A thread takes 4 channels of one chunk of one segment.

override MASK: u32;

struct Dims {
  channels4: u32, // groups of 4 channels
  chunk: u32, // pixels
  chunks: u32, // of the longest segment
  ends: vec4u, // of each segment, in pixels
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> z: array<vec4f>; // [pixels, channels4], as y and gy
@group(0) @binding(2) var<storage, read> y: array<vec4f>;
@group(0) @binding(3) var<storage, read> statistics: array<vec4f>; // [segments, 4, channels4]: mean, inverseStd, scale, beta
@group(0) @binding(4) var<storage, read_write> gy: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>; // [segments, chunks, 2, channels4]: sumG, sumGx

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c4 = dims.channels4;
  let channel = id.x;
  let segment = id.z;
  let start = select(0u, dims.ends[max(segment, 1u) - 1u], segment > 0u) + id.y * dims.chunk;
  let end = min(start + dims.chunk, dims.ends[segment]);
  if (channel >= c4) {
    return;
  }
  let row = segment * 4u * c4 + channel;
  let mean = statistics[row];
  var sumG = vec4f();
  var sumGx = vec4f();
  for (var p = start; p < end; p++) {
    let at = p * c4 + channel;
    let centered = z[at] - mean;
    var g = gy[at];
    if (MASK == 1u) {
      g = select(vec4f(), g, y[at] > vec4f());
      gy[at] = g;
    } else if (MASK == 2u) {
      g = select(vec4f(), g, centered * statistics[row + 2u * c4] + statistics[row + 3u * c4] > vec4f());
    }
    sumG += g;
    sumGx += g * centered;
  }
  let into = (segment * dims.chunks + id.y) * 2u * c4 + channel;
  partials[into] = sumG;
  partials[into + c4] = sumGx * statistics[row + c4];
}
