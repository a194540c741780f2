// Linear layer, gradients of its parameters:
//
//   gWeight[c, h] = sum_n features[n, c] gLogits[n, h],   gBias[h] = sum_n gLogits[n, h]
//
// features  f32 [rows, 4 channels4], gLogits  f32 [rows, heads4] of vec4
// gWeight  f32 [4 channels4, heads4] of vec4;  gBias  f32 [heads4] of vec4
//
// One thread sums four heads of one channel over the rows, in order; channel 4 channels4 stands for the bias.

// needs: lib/linear

@group(0) @binding(1) var<storage, read> features: array<f32>;
@group(0) @binding(2) var<storage, read> gLogits: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> gWeight: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> gBias: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channels = 4u * dims.channels4;
  let channel = id.x / dims.heads4;
  let head = id.x % dims.heads4;
  if (channel > channels) {
    return;
  }
  var sum = vec4f();
  for (var row = 0u; row < dims.rows; row++) {
    let g = gLogits[row * dims.heads4 + head];
    if (channel == channels) {
      sum += g;
    } else {
      sum += features[row * channels + channel] * g;
    }
  }
  if (channel == channels) {
    gBias[head] = sum;
  } else {
    gWeight[id.x] = sum;
  }
}
