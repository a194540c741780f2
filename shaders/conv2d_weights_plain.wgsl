// Weights shared by all lanes, without optional features: appended to conv2d_forward.wgsl and
// conv2d_input_gradient.wgsl where conv2d_weights_subgroup.wgsl cannot be. Every lane loads from the same
// address, which GPUs serve with one access.

struct WeightBlock { first: mat4x4f, second: mat4x4f }

fn prepareWeights() {}

// Column c of `first` is weights[at + c * columnStep], of `second` weights[at + matrixStep + c * columnStep].
fn weightBlock(at: u32, columnStep: u32, matrixStep: u32) -> WeightBlock {
  let next = at + matrixStep;
  return WeightBlock(
    mat4x4f(weights[at], weights[at + columnStep], weights[at + 2u * columnStep], weights[at + 3u * columnStep]),
    mat4x4f(weights[next], weights[next + columnStep], weights[next + 2u * columnStep], weights[next + 3u * columnStep]),
  );
}

// Not used here: EXCHANGE is 0 without subgroups.
fn ofLaneBefore(value: vec4f) -> vec4f {
  return value;
}

fn ofLaneBehind(value: vec4f) -> vec4f {
  return value;
}
