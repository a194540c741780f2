// Gradient of convolutions with respect to their weights: the sums of the partial sums, in order, of several layers
//
//   gw[i] = partials[0, i] + partials[1, i] + ... + partials[chunks - 1, i]
//
//   partials   f32, from vec4 `partialAt` of a layer on: [chunks, 4 * size] of conv2d_weight_gradient.wgsl
//   gradients  f32, from vec4 `gradientAt` of a layer on: [4 * size], written, not added to
//
// A workgroup sums 64 vec4f of one layer; layers take ceil(size / 64) workgroups each, in order. No atomics: the order
// of the additions, and so every bit, is the same in every run.

struct Dims {
  count: u32,
  layers: array<vec4u, 15>, // partialAt, gradientAt, size in vec4s, chunks
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> partials: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gradients: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  var layer = dims.layers[0];
  var block = group.x;
  for (var at = 1u; at < dims.count && block >= (layer.z + 63u) / 64u; at++) {
    block -= (layer.z + 63u) / 64u;
    layer = dims.layers[at];
  }
  let size = layer.z;
  let i = block * 64u + local;
  if (i >= size) {
    return;
  }
  var sum = partials[layer.x + i];
  for (var chunk = 1u; chunk < layer.w; chunk++) {
    sum += partials[layer.x + chunk * size + i];
  }
  gradients[layer.y + i] = sum;
}
