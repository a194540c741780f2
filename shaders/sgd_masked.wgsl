// Stochastic gradient descent with a freezing mask, PyTorch's rule:
//
//   g = gradient + weightDecay value
//   velocity = momentum velocity + g;   g = nesterov ? g + momentum velocity : velocity        (MOMENTUM 1)
//   value = value - learningRate g
//
// Where the mask is 0 nothing is written: neither value nor velocity changes by a bit, whatever the gradient holds.
//
// values, velocities, gradients  f32 [count4] of vec4: the flat parameter table;  mask  u32 [count4]
// The learning rate comes with the batch record (lib/batch.wgsl). One thread handles one vec4 at a time.

// needs: lib/batch

override MOMENTUM: u32;
override NESTEROV: u32;

struct Dims {
  count4: u32,
  momentum: f32,
  weightDecay: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> values: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> velocities: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < dims.count4; i += groups.x * 64u) {
    if (mask[i] == 0u) {
      continue;
    }
    let value = values[i];
    var g = gradients[i] + dims.weightDecay * value;
    if (MOMENTUM == 1u) {
      let velocity = dims.momentum * velocities[i] + g;
      velocities[i] = velocity;
      g = select(velocity, g + dims.momentum * velocity, NESTEROV == 1u);
    }
    values[i] = value - learningRate() * g;
  }
}
