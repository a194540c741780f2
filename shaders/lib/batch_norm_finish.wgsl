// What the forward pass leaves of a segment's statistics. The kernel has a binding
//   statistics  f32 [segments, 4, channels4] of vec4: mean, inverseStd, scale = gamma inverseStd, beta

// needs: lib/batch_norm

fn writeStatistics(segment: u32, channel: u32, mean: vec4f, inverseStd: vec4f, gamma: vec4f, beta: vec4f) {
  let into = statisticsAt(segment, channel);
  statistics[into] = mean;
  statistics[into + dims.channels4] = inverseStd;
  statistics[into + 2u * dims.channels4] = gamma * inverseStd;
  statistics[into + 3u * dims.channels4] = beta;
}
