// Batch norm, first pass, plainly: mean and sum of squared deviations of each channel over each chunk of pixels
//
//   mean[s, k, c] = sum_p z[p, c] / n           p over the n pixels of chunk k of segment s
//   m2[s, k, c]   = sum_p (z[p, c] - mean)^2
//
// A thread takes 4 channels of one chunk of one segment and goes over its pixels twice.

struct Dims {
  channels4: u32, // groups of 4 channels
  chunk: u32, // pixels
  chunks: u32, // of the longest segment
  segments: u32,
  ends: vec4u, // of each segment, in pixels
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> z: array<vec4f>; // [pixels, channels4]
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>; // [segments, chunks, 2, channels4]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  let segment = id.z;
  let start = select(0u, dims.ends[max(segment, 1u) - 1u], segment > 0u) + id.y * dims.chunk;
  let end = min(start + dims.chunk, dims.ends[segment]);
  if (channel >= dims.channels4 || start >= end) {
    return;
  }
  let n = f32(end - start);
  var sum = vec4f();
  for (var p = start; p < end; p++) {
    sum += z[p * dims.channels4 + channel];
  }
  let mean = sum / n;
  var m2 = vec4f();
  for (var p = start; p < end; p++) {
    let d = z[p * dims.channels4 + channel] - mean;
    m2 += d * d;
  }
  let into = (segment * dims.chunks + id.y) * 2u * dims.channels4 + channel;
  partials[into] = mean;
  partials[into + dims.channels4] = m2;
}
