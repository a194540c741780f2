// Batch norm, second pass, with what follows it in a residual block, plainly
//
//   y[p, c] = relu((z[p, c] - mean[s, c]) scale[s, c] + beta[c] + r)        s: segment of pixel p
//   r = 0                                   RESIDUAL 0
//   r = residual[p, c]                      RESIDUAL 1
//   r = normalised residual[p, c]           RESIDUAL 2, with statistics of its own
//
// TRAINING 1: mean and scale come from the chunks, and the first thread of 4 channels also writes `statistics` of all
// segments and moves `running`. TRAINING 0: they come from `running`, and nothing but y is written. RELU 0: no ReLU.
// A thread takes 4 channels of 32 pixels of a segment.

override RESIDUAL: u32;
override RELU: u32;
override TRAINING: u32;

struct Dims {
  channels4: u32, // groups of 4 channels
  chunk: u32, // pixels
  chunks: u32, // of the longest segment
  segments: u32,
  ends: vec4u, // of each segment, in pixels
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> z: array<vec4f>; // [pixels, channels4], as residual and y
@group(0) @binding(2) var<storage, read> partials: array<vec4f>; // [segments, chunks, 2, channels4]: mean, m2
@group(0) @binding(3) var<storage, read> affine: array<vec4f>; // [2, channels4]: gamma, beta
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;
@group(0) @binding(5) var<storage, read> residualStatistics: array<vec4f>; // as statistics
@group(0) @binding(6) var<storage, read_write> running: array<vec4f>; // [2, channels4]: mean, variance
@group(0) @binding(7) var<storage, read_write> statistics: array<vec4f>; // [segments, 4, channels4]
@group(0) @binding(8) var<storage, read_write> y: array<vec4f>;

struct Moments {
  n: f32,
  mean: vec4f,
  m2: vec4f,
}

fn startOf(segment: u32) -> u32 {
  return select(0u, dims.ends[max(segment, 1u) - 1u], segment > 0u);
}

// Merged over the chunks of a segment (Chan, Golub and LeVeque 1979).
fn momentsOf(segment: u32, channel: u32) -> Moments {
  let pixels = dims.ends[segment] - startOf(segment);
  var all = Moments();
  for (var k = 0u; k * dims.chunk < pixels; k++) {
    let source = (segment * dims.chunks + k) * 2u * dims.channels4 + channel;
    let count = f32(min(dims.chunk, pixels - k * dims.chunk));
    let delta = partials[source] - all.mean;
    let total = all.n + count;
    all.mean += delta * (count / total);
    all.m2 += partials[source + dims.channels4] + delta * delta * (all.n * count / total);
    all.n = total;
  }
  return all;
}

@compute @workgroup_size(4, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c4 = dims.channels4;
  let channel = id.x;
  let segment = id.z;
  if (channel >= c4) {
    return;
  }
  let gamma = affine[channel];
  let beta = affine[c4 + channel];
  var mean: vec4f;
  var scale: vec4f;
  if (TRAINING == 1u) {
    let moments = momentsOf(segment, channel);
    mean = moments.mean;
    scale = gamma / sqrt(moments.m2 / moments.n + 1e-5);
    if (id.y == 0u && segment == 0u) {
      var runningMean = running[channel];
      var runningVar = running[c4 + channel];
      for (var s = 0u; s < dims.segments; s++) {
        let own = momentsOf(s, channel);
        let inverseStd = 1.0 / sqrt(own.m2 / own.n + 1e-5);
        let into = s * 4u * c4 + channel;
        statistics[into] = own.mean;
        statistics[into + c4] = inverseStd;
        statistics[into + 2u * c4] = gamma * inverseStd;
        statistics[into + 3u * c4] = beta;
        runningMean = 0.9 * runningMean + 0.1 * own.mean;
        runningVar = 0.9 * runningVar + 0.1 * (own.m2 / (own.n - 1.0));
      }
      running[channel] = runningMean;
      running[c4 + channel] = runningVar;
    }
  } else {
    mean = running[channel];
    scale = gamma / sqrt(running[c4 + channel] + 1e-5);
  }
  let start = startOf(segment) + 32u * id.y;
  for (var p = start; p < min(start + 32u, dims.ends[segment]); p++) {
    let at = p * c4 + channel;
    var value = (z[at] - mean) * scale + beta;
    if (RESIDUAL == 1u) {
      value += residual[at];
    } else if (RESIDUAL == 2u) {
      let row = segment * 4u * c4 + channel;
      value += (residual[at] - residualStatistics[row]) * residualStatistics[row + 2u * c4] +
        residualStatistics[row + 3u * c4];
    }
    if (RELU == 1u) {
      // Not max(), which may turn NaN into 0 and so hide that training has diverged.
      value = select(value, vec4f(), value < vec4f());
    }
    y[at] = value;
  }
}
