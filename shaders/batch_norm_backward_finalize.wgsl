// Backward batch norm, second pass: gradients of gamma and beta, and the coefficients of the input gradient.
//
//   d_beta[c]  = sum_s sum_g[s, c],   d_gamma[c] = sum_s sum_gx[s, c]           sums over the chunks, in order
//   With M pixels in segment s, x = (z - mean) inverse_std and a = gamma inverse_std:
//   dz = a (g - sum_g / M - x sum_gx / M) = a g - b - d (z - mean)
//   b  = a sum_g / M,   d = a inverse_std sum_gx / M
//
// partials      f32 [segments, chunks, 2, channels4] of vec4: sum_g, sum_gx
// statistics    f32 [segments, 4, channels4] of vec4: mean, inverse_std, scale = a, beta
// gradients     f32 [2, channels4] of vec4: d_gamma, d_beta
// coefficients  f32 [segments, 2, channels4] of vec4: b, d
//
// One thread per channel group.

struct Dims {
  channels4: u32,
  lanes: u32,
  chunk: u32,
  chunks: u32,
  segments: u32,
  ends: vec4u,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> partials: array<vec4f>;
@group(0) @binding(2) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> coefficients: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> gradients: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel >= dims.channels4) {
    return;
  }
  var d_beta = vec4f();
  var d_gamma = vec4f();
  for (var segment = 0u; segment < dims.segments; segment++) {
    let pixels = dims.ends[segment] - segment_start(segment);
    var sum_g = vec4f();
    var sum_gx = vec4f();
    for (var k = 0u; k * dims.chunk < pixels; k++) {
      let source = (segment * dims.chunks + k) * 2u * dims.channels4 + channel;
      sum_g += partials[source];
      sum_gx += partials[source + dims.channels4];
    }
    d_beta += sum_g;
    d_gamma += sum_gx;
    let at = segment * 4u * dims.channels4 + channel;
    let inverse_std = statistics[at + dims.channels4];
    let a = statistics[at + 2u * dims.channels4];
    let into = segment * 2u * dims.channels4 + channel;
    coefficients[into] = a * sum_g / f32(pixels);
    coefficients[into + dims.channels4] = a * inverse_std * sum_gx / f32(pixels);
  }
  gradients[channel] = d_gamma;
  gradients[dims.channels4 + channel] = d_beta;
}
