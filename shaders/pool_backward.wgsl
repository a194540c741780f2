// Backward global average pooling: gx[n, p, c] = gFeatures[n, c] / area.
//
// gFeatures  f32 [rows, channels4] of vec4;  gx  f32 [rows, area, channels4] of vec4
//
// One thread writes one vec4 at a time.

// needs: lib/pool

@group(0) @binding(1) var<storage, read> gFeatures: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gx: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let perRow = dims.area * dims.channels4;
  for (var i = id.x; i < dims.rows * perRow; i += groups.x * 64u) {
    gx[i] = gFeatures[i / perRow * dims.channels4 + i % dims.channels4] / f32(dims.area);
  }
}
