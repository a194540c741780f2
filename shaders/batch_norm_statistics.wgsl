// Batch norm, first pass: mean and sum of squared deviations of each channel over each chunk of pixels.
//
//   mean[s, k, c] = sum_p z[p, c] / n           p over the n pixels of chunk k of segment s
//   m2[s, k, c]   = sum_p (z[p, c] - mean)^2
//
// z         f32 [pixels, channels4] of vec4: convolution output, NHWC, pixels = rows x height x width
// partials  f32 [segments, chunks, 2, channels4] of vec4: mean, m2
//
// A workgroup takes one chunk of one segment and up to 64 channel groups. Its 64 threads are `lanes` channel groups
// times 64 / lanes pixel lanes (lanes: a power of two), neighbouring threads on neighbouring addresses. A thread sums
// deviations from the first value it meets, which keeps the squares small whatever the mean; pixel lanes are then
// merged pairwise by the formula of Chan, Golub and LeVeque (1979), in fixed order.

struct Dims {
  channels4: u32,
  lanes: u32,
  chunk: u32, // pixels per chunk
  chunks: u32,
  segments: u32,
  ends: vec4u,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;

var<workgroup> counts: array<f32, 64>;
var<workgroup> means: array<vec4f, 64>;
var<workgroup> m2s: array<vec4f, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let channel = group.x * dims.lanes + local % dims.lanes;
  let lane = local / dims.lanes;
  let pixel_lanes = 64u / dims.lanes;
  let segment = group.z;
  let start = segment_start(segment) + group.y * dims.chunk;
  let end = min(start + dims.chunk, dims.ends[segment]);

  var count = 0.0;
  var mean = vec4f();
  var m2 = vec4f();
  if (channel < dims.channels4 && start + lane < end) {
    let first = (start + lane) * dims.channels4 + channel;
    let step = pixel_lanes * dims.channels4;
    let last = end * dims.channels4;
    let shift = z[first];
    var sum = vec4f();
    var squares = vec4f();
    for (var i = first; i < last; i += step) {
      let d = z[i] - shift;
      sum += d;
      squares += d * d;
    }
    count = f32((end - start - lane + pixel_lanes - 1u) / pixel_lanes);
    mean = shift + sum / count;
    m2 = max(squares - sum * sum / count, vec4f());
  }
  counts[local] = count;
  means[local] = mean;
  m2s[local] = m2;

  for (var step = pixel_lanes / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      let other = local + step * dims.lanes;
      let n = counts[local] + counts[other];
      if (counts[other] > 0.0) {
        let delta = means[other] - means[local];
        means[local] += delta * (counts[other] / n);
        m2s[local] += m2s[other] + delta * delta * (counts[local] * counts[other] / n);
        counts[local] = n;
      }
    }
  }
  if (lane == 0u && channel < dims.channels4) {
    let target_index = (segment * dims.chunks + group.y) * 2u * dims.channels4 + channel;
    partials[target_index] = means[local];
    partials[target_index + dims.channels4] = m2s[local];
  }
}
