// Batch norm, second pass: statistics of each segment from its chunks, and the running statistics.
//
//   mean, m2     merged over the chunks of segment s, in order (Chan, Golub and LeVeque 1979)
//   inverse_std  = 1 / sqrt(m2 / n + 1e-5)
//   running_mean = 0.9 running_mean + 0.1 mean
//   running_var  = 0.9 running_var + 0.1 m2 / (n - 1)              segment after segment, as PyTorch does per forward
//
// partials    f32 [segments, chunks, 2, channels4] of vec4: mean, m2
// affine      f32 [2, channels4] of vec4: gamma, beta
// running     f32 [2, channels4] of vec4: mean, variance
// statistics  f32 [segments, 4, channels4] of vec4: mean, inverse_std, scale = gamma inverse_std, beta
//
// One thread per channel group. n is the number of pixels of the segment.

struct Dims {
  channels4: u32,
  lanes: u32,
  chunk: u32,
  chunks: u32,
  segments: u32,
  ends: vec4u,
}

const EPSILON = 1e-5;
const MOMENTUM = 0.1;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> partials: array<vec4f>;
@group(0) @binding(2) var<storage, read> affine: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> running: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> statistics: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel >= dims.channels4) {
    return;
  }
  var running_mean = running[channel];
  var running_var = running[dims.channels4 + channel];
  for (var segment = 0u; segment < dims.segments; segment++) {
    let pixels = dims.ends[segment] - segment_start(segment);
    var n = 0.0;
    var mean = vec4f();
    var m2 = vec4f();
    for (var k = 0u; k * dims.chunk < pixels; k++) {
      let source = (segment * dims.chunks + k) * 2u * dims.channels4 + channel;
      let count = f32(min(dims.chunk, pixels - k * dims.chunk));
      let delta = partials[source] - mean;
      let total = n + count;
      mean += delta * (count / total);
      m2 += partials[source + dims.channels4] + delta * delta * (n * count / total);
      n = total;
    }
    let inverse_std = 1.0 / sqrt(m2 / n + EPSILON);
    let scale = affine[channel] * inverse_std;
    let into = segment * 4u * dims.channels4 + channel;
    statistics[into] = mean;
    statistics[into + dims.channels4] = inverse_std;
    statistics[into + 2u * dims.channels4] = scale;
    statistics[into + 3u * dims.channels4] = affine[dims.channels4 + channel];
    running_mean = (1.0 - MOMENTUM) * running_mean + MOMENTUM * mean;
    running_var = (1.0 - MOMENTUM) * running_var + MOMENTUM * (m2 / (n - 1.0));
  }
  running[channel] = running_mean;
  running[dims.channels4 + channel] = running_var;
}
