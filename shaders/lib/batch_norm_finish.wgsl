// What the forward pass leaves of a segment's statistics. Needs lib/batch_norm.wgsl and a storage binding
//   statistics  f32 [segments, 4, channels4] of vec4: mean, inverse_std, scale = gamma inverse_std, beta

fn write_statistics(segment: u32, channel: u32, mean: vec4f, inverse_std: vec4f, gamma: vec4f, beta: vec4f) {
  let into = segment * 4u * dims.channels4 + channel;
  statistics[into] = mean;
  statistics[into + dims.channels4] = inverse_std;
  statistics[into + 2u * dims.channels4] = gamma * inverse_std;
  statistics[into + 3u * dims.channels4] = beta;
}
