// Batch norm, last pass, with what follows it in a residual block: y = relu(normalised z + residual).
//
//   y[p, c] = relu(z[p, c] scale[s, c] + shift[s, c] + r)        s: segment of pixel p
//   r = 0                                                RESIDUAL 0
//   r = residual[p, c]                                   RESIDUAL 1: identity shortcut
//   r = normalised residual[p, c]                        RESIDUAL 2: convolution shortcut, with statistics of its own
//
// z, residual, y  f32 [pixels, channels4] of vec4
// statistics, residual_statistics  f32 [segments, 4, channels4] of vec4: mean, inverse_std, scale, shift
// RELU 0 leaves the sum as it is. One thread handles one vec4 at a time.

override RESIDUAL: u32;
override RELU: u32;

struct Dims {
  channels4: u32,
  pixels: u32,
  segments: u32,
  ends: vec4u,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
@group(0) @binding(2) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(3) var<storage, read> residual: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual_statistics: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < dims.pixels * dims.channels4; i += groups.x * 64u) {
    let channel = i % dims.channels4;
    let at = segment_of(i / dims.channels4) * 4u * dims.channels4 + channel;
    var value = z[i] * statistics[at + 2u * dims.channels4] + statistics[at + 3u * dims.channels4];
    if (RESIDUAL == 1u) {
      value += residual[i];
    } else if (RESIDUAL == 2u) {
      value += residual[i] * residual_statistics[at + 2u * dims.channels4] +
        residual_statistics[at + 3u * dims.channels4];
    }
    if (RELU == 1u) {
      value = max(value, vec4f());
    }
    y[i] = value;
  }
}
