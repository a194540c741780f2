// Backward batch norm, last pass: the gradient of its input (derived in batch_norm_backward_finalize).
//
//   dz[p, c] = scale[s, c] g[p, c] - b[s, c] - d[s, c] (z[p, c] - mean[s, c])        s: segment of pixel p
//
// z, g, dz      f32 [pixels, channels4] of vec4, NHWC
// statistics    f32 [segments, 4, channels4] of vec4: mean, inverse_std, scale, beta
// coefficients  f32 [segments, 2, channels4] of vec4: b, d
//
// Workgroups and threads as in batch_norm_apply.

struct Dims {
  channels4: u32,
  segments: u32,
  ends: vec4u,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
@group(0) @binding(2) var<storage, read> g: array<vec4f>;
@group(0) @binding(3) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(4) var<storage, read> coefficients: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dz: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let c4 = dims.channels4;
  let lanes = groups.x * 64u / c4;
  let lane = id.x / c4;
  if (lane >= lanes) {
    return;
  }
  let channel = id.x % c4;
  let mean = statistics[id.y * 4u * c4 + channel];
  let scale = statistics[(id.y * 4u + 2u) * c4 + channel];
  let b = coefficients[id.y * 2u * c4 + channel];
  let d = coefficients[(id.y * 2u + 1u) * c4 + channel];
  let step = lanes * c4;
  let last = dims.ends[id.y] * c4;
  for (var i = (segment_start(id.y) + lane) * c4 + channel; i < last; i += step) {
    dz[i] = scale * g[i] - b - d * (z[i] - mean);
  }
}
