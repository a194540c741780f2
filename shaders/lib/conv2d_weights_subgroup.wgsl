// Weights shared by all lanes, with the optional feature `subgroups`: for conv2d_forward.wgsl and
// conv2d_input_gradient.wgsl. Eight lanes load one vec4f each, and broadcasts hand them round: one load where
// conv2d_weights_plain.wgsl needs eight. Subgroups must have at least 8 lanes, all of them active, and the
// arguments must be the same for all lanes of a workgroup.

var<private> blockLane: u32;

struct WeightBlock { first: mat4x4f, second: mat4x4f }

fn prepareWeights() {
  blockLane = subgroupExclusiveAdd(1u) % 8u;
}

// Column c of `first` is weight[at + c * columnStep], of `second` weight[at + matrixStep + c * columnStep].
fn weightBlock(at: u32, columnStep: u32, matrixStep: u32) -> WeightBlock {
  let mine = weight[at + blockLane % 4u * columnStep + blockLane / 4u * matrixStep];
  return WeightBlock(
    mat4x4f(
      subgroupBroadcast(mine, 0u),
      subgroupBroadcast(mine, 1u),
      subgroupBroadcast(mine, 2u),
      subgroupBroadcast(mine, 3u),
    ),
    mat4x4f(
      subgroupBroadcast(mine, 4u),
      subgroupBroadcast(mine, 5u),
      subgroupBroadcast(mine, 6u),
      subgroupBroadcast(mine, 7u),
    ),
  );
}

// A value of the neighbouring lane. The first lane has none before, the last none behind: they get some other lane's.
fn ofLaneBefore(value: vec4f) -> vec4f {
  return subgroupShuffle(value, (blockLane + 7u) % 8u);
}

fn ofLaneBehind(value: vec4f) -> vec4f {
  return subgroupShuffle(value, (blockLane + 1u) % 8u);
}
