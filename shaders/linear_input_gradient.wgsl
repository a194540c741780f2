// Linear layer, gradient of its input: gFeatures[n, c] = sum_h gLogits[n, h] weight[c, h].
//
// gLogits  f32 [rows, heads4] of vec4;  weight  f32 [4 channels4, heads4] of vec4
// gFeatures  f32 [rows, channels4] of vec4
//
// One thread computes four channels of one row.

// needs: lib/linear

@group(0) @binding(1) var<storage, read> gLogits: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> gFeatures: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= dims.rows * dims.channels4) {
    return;
  }
  let row = id.x / dims.channels4;
  let channel = id.x % dims.channels4;
  var sum = vec4f();
  for (var h = 0u; h < dims.heads4; h++) {
    let g = gLogits[row * dims.heads4 + h];
    let w = 4u * channel * dims.heads4 + h;
    sum += vec4f(
      dot(g, weight[w]),
      dot(g, weight[w + dims.heads4]),
      dot(g, weight[w + 2u * dims.heads4]),
      dot(g, weight[w + 3u * dims.heads4]),
    );
  }
  gFeatures[id.x] = sum;
}
