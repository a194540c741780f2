// The largest magnitudes of what is being learned and of its gradient, as bits:
//
//   result[0] = max over i of |gradient_i|,   result[1] = max over i of |value_i|,   where the mask is 1
//
// Magnitudes of f32 are ordered as the whole numbers that their bits are, infinity above all numbers and NaN above
// infinity: 0x7f800000 or more says that something is not finite, and 0 that a gradient is zero throughout. A maximum
// of whole numbers is the same in any order, so atomics leave the result reproducible.
//
// gradients, values  u32 [count4] of vec4: the bits of the flat parameter table;  mask  u32 [count4]
// result  u32 [2], zero before
// One thread takes every (64 groups)-th vec4.

struct Dims {
  count4: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> gradients: array<vec4u>;
@group(0) @binding(2) var<storage, read> values: array<vec4u>;
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> result: array<atomic<u32>>;

const MAGNITUDE: u32 = 0x7fffffffu;

fn largest(bits: vec4u) -> u32 {
  let m = bits & vec4u(MAGNITUDE);
  return max(max(m.x, m.y), max(m.z, m.w));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  var gradient = 0u;
  var value = 0u;
  for (var i = id.x; i < dims.count4; i += groups.x * 64u) {
    if (mask[i] == 0u) {
      continue;
    }
    gradient = max(gradient, largest(gradients[i]));
    value = max(value, largest(values[i]));
  }
  atomicMax(&result[0], gradient);
  atomicMax(&result[1], value);
}
