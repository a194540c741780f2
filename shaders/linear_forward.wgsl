// Linear layer: logits[n, h] = bias[h] + sum_c features[n, c] weight[c, h].
//
// features  f32 [rows, channels4] of vec4
// weight    f32 [4 channels4, heads4] of vec4 (head fastest);  bias  f32 [heads4] of vec4
// logits    f32 [rows, heads4] of vec4
//
// One thread computes four heads of one row.

// needs: lib/linear

@group(0) @binding(1) var<storage, read> features: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> logits: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= dims.rows * dims.heads4) {
    return;
  }
  let row = id.x / dims.heads4;
  let head = id.x % dims.heads4;
  var sum = vec4f();
  for (var c = 0u; c < dims.channels4; c++) {
    let f = features[row * dims.channels4 + c];
    let w = 4u * c * dims.heads4 + head;
    sum += f.x * weight[w] + f.y * weight[w + dims.heads4] + f.z * weight[w + 2u * dims.heads4] +
      f.w * weight[w + 3u * dims.heads4];
  }
  logits[id.x] = sum + bias[head];
}
