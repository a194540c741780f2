// Batch norm, first pass: mean and sum of squared deviations of each channel over each chunk of pixels.
//
//   mean[s, k, c] = sum_p z[p, c] / n           p over the n pixels of chunk k of segment s
//   m2[s, k, c]   = sum_p (z[p, c] - mean)^2
//
// z         f32 or f16 [pixels, channels4] of vec4: convolution output, NHWC, pixels = rows x height x width
// partials  f32 [segments, chunks, 2, channels4] of vec4: mean, m2
//
// A workgroup takes one chunk of one segment and up to 64 channel groups; neighbouring threads are on neighbouring
// addresses. All sum deviations from the first value of the chunk, which keeps the squares small whatever the mean.

// needs: lib/batch_norm
// needs: lib/lane_sums
// needs: lib/storage_f32 or lib/storage_f16

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> z: array<Stored>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let c4 = dims.channels4;
  let channel = group.x * dims.lanes + local % dims.lanes;
  let lane = local / dims.lanes;
  let pixelLanes = 64u / dims.lanes;
  let segment = group.z;
  let start = segmentStart(segment) + group.y * dims.chunk;
  let end = min(start + dims.chunk, dims.ends[segment]);

  var shift = vec4f();
  var sum = vec4f();
  var squares = vec4f();
  if (channel < c4 && start < end) {
    shift = widen(z[start * c4 + channel]);
    let step = pixelLanes * c4;
    let last = end * c4;
    for (var i = (start + lane) * c4 + channel; i < last; i += step) {
      let d = widen(z[i]) - shift;
      sum += d;
      squares += d * d;
    }
  }
  let sums = addLanes(sum, squares, local);
  if (lane == 0u && channel < c4 && start < end) {
    let n = f32(end - start);
    let into = (segment * dims.chunks + group.y) * 2u * c4 + channel;
    partials[into] = shift + sums.a / n;
    partials[into + c4] = max(sums.b - sums.a * sums.a / n, vec4f());
  }
}
