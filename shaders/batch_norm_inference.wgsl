// Batch norm in inference: scale and shift of each channel from the running statistics.
//
//   scale = gamma / sqrt(running_var + 1e-5),  shift = beta - running_mean scale
//
// gamma, beta f32 [channels4] of vec4;  running f32 [2, channels4] of vec4: mean, variance
// statistics  f32 [1, 4, channels4] of vec4: mean, inverse_std, scale, shift, as batch_norm_finalize writes them
//
// One thread per channel group.

struct Dims {
  channels4: u32,
}

const EPSILON = 1e-5;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(2) var<storage, read> beta: array<vec4f>;
@group(0) @binding(3) var<storage, read> running: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> statistics: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel >= dims.channels4) {
    return;
  }
  let mean = running[channel];
  let inverse_std = 1.0 / sqrt(running[dims.channels4 + channel] + EPSILON);
  let scale = gamma[channel] * inverse_std;
  statistics[channel] = mean;
  statistics[dims.channels4 + channel] = inverse_std;
  statistics[2u * dims.channels4 + channel] = scale;
  statistics[3u * dims.channels4 + channel] = beta[channel] - mean * scale;
}
