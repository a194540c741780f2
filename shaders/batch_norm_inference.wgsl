// Batch norm in inference: statistics of each channel, in the form of training, from the running ones.
//
//   mean = runningMean,  inverseStd = 1 / sqrt(runningVar + 1e-5)
//
// affine      f32 [2, channels4] of vec4: gamma, beta;  running f32 [2, channels4] of vec4: mean, variance
// statistics  f32 [1, 4, channels4] of vec4: mean, inverseStd, scale, beta, as batch_norm_finalize writes them
//
// One thread per channel group.

struct Dims {
  channels4: u32,
}

const EPSILON = 1e-5;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> affine: array<vec4f>;
@group(0) @binding(2) var<storage, read> running: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> statistics: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel >= dims.channels4) {
    return;
  }
  let mean = running[channel];
  let inverseStd = 1.0 / sqrt(running[dims.channels4 + channel] + EPSILON);
  let scale = affine[channel] * inverseStd;
  statistics[channel] = mean;
  statistics[dims.channels4 + channel] = inverseStd;
  statistics[2u * dims.channels4 + channel] = scale;
  statistics[3u * dims.channels4 + channel] = affine[dims.channels4 + channel];
}
