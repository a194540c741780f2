// Backward batch norm, last pass: the gradient of its input (derived in batch_norm_backward_finalize).
//
//   dz[p, c] = scale[s, c] g[p, c] - b[s, c] - d[s, c] (z[p, c] - mean[s, c])        s: segment of pixel p
//
// z, g, dz      f32 [pixels, channels4] of vec4
// statistics    f32 [segments, 4, channels4] of vec4: mean, inverse_std, scale, shift
// coefficients  f32 [segments, 2, channels4] of vec4: b, d
//
// One thread handles one vec4 at a time.

struct Dims {
  channels4: u32,
  pixels: u32,
  segments: u32,
  ends: vec4u,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
@group(0) @binding(2) var<storage, read> g: array<vec4f>;
@group(0) @binding(3) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(4) var<storage, read> coefficients: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dz: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < dims.pixels * dims.channels4; i += groups.x * 64u) {
    let channel = i % dims.channels4;
    let segment = segment_of(i / dims.channels4);
    let at = segment * 4u * dims.channels4 + channel;
    let from_sums = segment * 2u * dims.channels4 + channel;
    dz[i] = statistics[at + 2u * dims.channels4] * g[i] - coefficients[from_sums] -
      coefficients[from_sums + dims.channels4] * (z[i] - statistics[at]);
  }
}
