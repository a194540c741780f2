// Batch norm, plainly: statistics of each segment from its chunks, and the running statistics
//
//   mean, m2    merged over the chunks of segment s (Chan, Golub and LeVeque 1979)
//   inverseStd  = 1 / sqrt(m2 / n + 1e-5)
//   runningMean = 0.9 runningMean + 0.1 mean
//   runningVar  = 0.9 runningVar + 0.1 m2 / (n - 1)              segment after segment
//
// A thread takes 4 channels.

struct Dims {
  channels4: u32, // groups of 4 channels
  chunk: u32, // pixels
  chunks: u32, // of the longest segment
  segments: u32,
  ends: vec4u, // of each segment, in pixels
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> partials: array<vec4f>; // [segments, chunks, 2, channels4]: mean, m2
@group(0) @binding(2) var<storage, read> affine: array<vec4f>; // [2, channels4]: gamma, beta
@group(0) @binding(3) var<storage, read_write> running: array<vec4f>; // [2, channels4]: mean, variance
@group(0) @binding(4) var<storage, read_write> statistics: array<vec4f>; // [segments, 4, channels4]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c4 = dims.channels4;
  let channel = id.x;
  if (channel >= c4) {
    return;
  }
  let gamma = affine[channel];
  var runningMean = running[channel];
  var runningVar = running[c4 + channel];
  var start = 0u;
  for (var s = 0u; s < dims.segments; s++) {
    let pixels = dims.ends[s] - start;
    start = dims.ends[s];
    var n = 0.0;
    var mean = vec4f();
    var m2 = vec4f();
    for (var k = 0u; k * dims.chunk < pixels; k++) {
      let source = (s * dims.chunks + k) * 2u * c4 + channel;
      let count = f32(min(dims.chunk, pixels - k * dims.chunk));
      let delta = partials[source] - mean;
      mean += delta * (count / (n + count));
      m2 += partials[source + c4] + delta * delta * (n * count / (n + count));
      n += count;
    }
    let inverseStd = 1.0 / sqrt(m2 / n + 1e-5);
    let into = s * 4u * c4 + channel;
    statistics[into] = mean;
    statistics[into + c4] = inverseStd;
    statistics[into + 2u * c4] = gamma * inverseStd;
    statistics[into + 3u * c4] = affine[c4 + channel];
    runningMean = 0.9 * runningMean + 0.1 * mean;
    runningVar = 0.9 * runningVar + 0.1 * (m2 / (n - 1.0));
  }
  running[channel] = runningMean;
  running[c4 + channel] = runningVar;
}
