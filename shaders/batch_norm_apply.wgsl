// Batch norm, second pass, with what follows it in a residual block.
//
//   y[p, c] = relu((z[p, c] - mean[s, c]) scale[s, c] + beta[c] + r)        s: segment of pixel p
//   r = 0                                   RESIDUAL 0
//   r = residual[p, c]                      RESIDUAL 1: identity shortcut
//   r = normalised residual[p, c]           RESIDUAL 2: convolution shortcut, with statistics of its own
//
// z, residual, y  f32 or f16 [pixels, channels4] of vec4, NHWC
// partials        f32 [segments, chunks, 2, channels4] of vec4: mean, m2 (batch_norm_statistics)
// affine          f32 [2, channels4] of vec4: gamma, beta
// running         f32 [2, channels4] of vec4: mean, variance
// statistics, residualStatistics  f32 [segments, 4, channels4] of vec4: mean, inverseStd, scale, beta
//
// TRAINING 1: each workgroup merges the chunks of its segment (lib/moments.wgsl); the first one also writes
// `statistics` of all segments, for the backward pass, and moves `running`, as batch_norm_finalize does.
// TRAINING 0: the statistics of all pixels are the running ones, and nothing but y is written.
//
// The mean is subtracted first, so nothing cancels where it is large. RELU 0 leaves the sum as it is. Workgroups
// (channels, block of pixels, segment); threads as in batch_norm_statistics: one keeps its channel group and walks
// over pixels; neighbouring threads write neighbouring addresses.

// needs: lib/batch_norm
// needs: lib/moments
// needs: lib/batch_norm_finish
// needs: lib/storage_f32 or lib/storage_f16

override RESIDUAL: u32;
override RELU: u32;
override TRAINING: u32;

@group(0) @binding(1) var<storage, read> z: array<Stored>;
@group(0) @binding(2) var<storage, read> partials: array<vec4f>;
@group(0) @binding(3) var<storage, read> affine: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual: array<Stored>;
@group(0) @binding(5) var<storage, read> residualStatistics: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> running: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> statistics: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> y: array<Stored>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let c4 = dims.channels4;
  let thread = threadOf(group, local);
  let channel = thread.channel;
  let segment = group.z;

  var gamma = vec4f();
  var beta = vec4f();
  var runningMean = vec4f();
  var runningVar = vec4f();
  if (thread.inside) {
    gamma = affine[channel];
    beta = affine[c4 + channel];
    runningMean = running[channel];
    runningVar = running[c4 + channel];
  }
  var mean = runningMean;
  var scale = gamma / sqrt(runningVar + EPSILON);
  if (TRAINING == 1u) {
    let first = group.y == 0u && segment == 0u;
    let segments = select(1u, dims.segments, first);
    for (var s = segment; s < segment + segments; s++) {
      let moments = mergeChunks(s, channel, local);
      let inverseStd = 1.0 / sqrt(moments.m2 / moments.n + EPSILON);
      if (s == segment) {
        mean = moments.mean;
        scale = gamma * inverseStd;
      }
      if (first && thread.lane == 0u && thread.inside) {
        writeStatistics(s, channel, moments.mean, inverseStd, gamma, beta);
        runningMean = (1.0 - MOMENTUM) * runningMean + MOMENTUM * moments.mean;
        runningVar = (1.0 - MOMENTUM) * runningVar + MOMENTUM * (moments.m2 / (moments.n - 1.0));
        running[channel] = runningMean;
        running[c4 + channel] = runningVar;
      }
    }
  }
  if (!thread.inside) {
    return;
  }

  var residualMean = vec4f();
  var residualScale = vec4f();
  var residualBeta = vec4f();
  if (RESIDUAL == 2u) {
    let at = statisticsAt(segment, channel);
    residualMean = residualStatistics[at];
    residualScale = residualStatistics[at + 2u * c4];
    residualBeta = residualStatistics[at + 3u * c4];
  }
  let walk = walkOf(thread, group, dims.block);
  for (var i = walk.first; i < walk.last; i += walk.step) {
    var value = (widen(z[i]) - mean) * scale + beta;
    if (RESIDUAL == 1u) {
      value += widen(residual[i]);
    } else if (RESIDUAL == 2u) {
      value += (widen(residual[i]) - residualMean) * residualScale + residualBeta;
    }
    if (RELU == 1u) {
      // Not max(), which may turn NaN into 0 and so hide that training has diverged.
      value = select(value, vec4f(), value < vec4f());
    }
    y[i] = narrow(value);
  }
}
