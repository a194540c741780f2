// Global average pooling: features[n, c] = (1 / area) sum_p x[n, p, c].
//
// x         f32 or f16 [rows, area, channels4] of vec4;  features  f32 [rows, channels4] of vec4
//
// One thread sums one channel group of one row, in order.

// needs: lib/pool
// needs: lib/storage_f32 or lib/storage_f16

@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read_write> features: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= dims.rows * dims.channels4) {
    return;
  }
  let row = id.x / dims.channels4;
  let channel = id.x % dims.channels4;
  var sum = vec4f();
  for (var p = 0u; p < dims.area; p++) {
    sum += widen(x[(row * dims.area + p) * dims.channels4 + channel]);
  }
  features[id.x] = sum / f32(dims.area);
}
