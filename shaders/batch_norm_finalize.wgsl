// Batch norm, statistics of each segment from its chunks, and the running statistics, on their own: for a convolution
// shortcut, whose normalisation is part of another layer's batch_norm_apply.
//
//   mean, m2     merged over the chunks of segment s (lib/moments.wgsl)
//   inverseStd  = 1 / sqrt(m2 / n + 1e-5)
//   runningMean = 0.9 runningMean + 0.1 mean
//   runningVar  = 0.9 runningVar + 0.1 m2 / (n - 1)              segment after segment, as PyTorch does per forward
//
// partials    f32 [segments, chunks, 2, channels4] of vec4: mean, m2
// affine      f32 [2, channels4] of vec4: gamma, beta
// running     f32 [2, channels4] of vec4: mean, variance
// statistics  f32 [segments, 4, channels4] of vec4: mean, inverseStd, scale = gamma inverseStd, beta
//
// Workgroups (channels); threads as in batch_norm_statistics. n is the number of pixels of the segment.

// needs: lib/batch_norm
// needs: lib/moments
// needs: lib/batch_norm_finish

@group(0) @binding(1) var<storage, read> partials: array<vec4f>;
@group(0) @binding(2) var<storage, read> affine: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> running: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> statistics: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let c4 = dims.channels4;
  let thread = threadOf(group, local);
  let channel = thread.channel;
  let writes = thread.lane == 0u && thread.inside;
  var runningMean = vec4f();
  var runningVar = vec4f();
  if (writes) {
    runningMean = running[channel];
    runningVar = running[c4 + channel];
  }
  for (var s = 0u; s < dims.segments; s++) {
    let moments = mergeChunks(s, channel, local);
    if (writes) {
      let inverseStd = 1.0 / sqrt(moments.m2 / moments.n + EPSILON);
      writeStatistics(s, channel, moments.mean, inverseStd, affine[channel], affine[c4 + channel]);
      runningMean = (1.0 - MOMENTUM) * runningMean + MOMENTUM * moments.mean;
      runningVar = (1.0 - MOMENTUM) * runningVar + MOMENTUM * (moments.m2 / (moments.n - 1.0));
    }
  }
  if (writes) {
    running[channel] = runningMean;
    running[c4 + channel] = runningVar;
  }
}
