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

@group(0) @binding(1) var<storage, read> z: array<Stored>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let c4 = dims.channels4;
  let thread = threadOf(group, local);
  let channel = thread.channel;
  let walk = walkOf(thread, group, dims.chunk);
  let any = thread.inside && walk.start < walk.end;

  var shift = vec4f();
  var sum = vec4f();
  var squares = vec4f();
  if (any) {
    shift = widen(z[walk.start * c4 + channel]);
    for (var i = walk.first; i < walk.last; i += walk.step) {
      let d = widen(z[i]) - shift;
      sum += d;
      squares += d * d;
    }
  }
  let sums = addLanes(sum, squares, local);
  if (thread.lane == 0u && any) {
    let n = f32(walk.end - walk.start);
    let into = partialsAt(group.z, group.y, channel);
    partials[into] = shift + sums.a / n;
    partials[into + c4] = max(sums.b - sums.a * sums.a / n, vec4f());
  }
}
