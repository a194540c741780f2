// Gradient of a convolution with respect to its weights: the sum of the partial sums, in order
//
//   gw[i] = partial[0, i] + partial[1, i] + ... + partial[chunks - 1, i]
//
//   partial  f32 [chunks, 4 * size]     of conv2d_weight_gradient.wgsl, read as vec4f
//   gw       f32 [4 * size], written, not added to
//
// A thread sums one vec4f. No atomics: the order of the additions, and so every bit, is the same in every run.

struct Dims {
  size: u32, // vec4s
  chunks: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> partial: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gw: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= dims.size) {
    return;
  }
  var sum = partial[id.x];
  for (var chunk = 1u; chunk < dims.chunks; chunk++) {
    sum += partial[chunk * dims.size + id.x];
  }
  gw[id.x] = sum;
}
