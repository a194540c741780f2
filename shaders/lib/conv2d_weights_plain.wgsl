// Weights shared by all lanes, without optional features: for conv2d_forward.wgsl and
// conv2d_input_gradient.wgsl where conv2d_weights_subgroup.wgsl cannot serve. Every lane loads from the same
// address, which GPUs serve with one access.

struct WeightBlock { first: mat4x4f, second: mat4x4f }

fn prepareWeights() {}

// Column c of `first` is weight[at + c * columnStep], of `second` weight[at + matrixStep + c * columnStep].
fn weightBlock(at: u32, columnStep: u32, matrixStep: u32) -> WeightBlock {
  let next = at + matrixStep;
  return WeightBlock(
    mat4x4f(weight[at], weight[at + columnStep], weight[at + 2u * columnStep], weight[at + 3u * columnStep]),
    mat4x4f(weight[next], weight[next + columnStep], weight[next + 2u * columnStep], weight[next + 3u * columnStep]),
  );
}

// Not used here: EXCHANGE is 0 without subgroups.
fn ofLaneBefore(value: vec4f) -> vec4f {
  return value;
}

fn ofLaneBehind(value: vec4f) -> vec4f {
  return value;
}
