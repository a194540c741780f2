// The ceiling of memory: y = x, one vec4f after the other, neighbouring threads on neighbouring addresses
//
//   x, y  f32 [4 * count]    bytes moved: 32 per vec4f, half of them read

struct Dims {
  count: u32, // vec4s
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < dims.count; i += groups.x * 64u) {
    y[i] = x[i];
  }
}
