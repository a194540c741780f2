// Batch norm, last pass, with what follows it in a residual block.
//
//   y[p, c] = relu((z[p, c] - mean[s, c]) scale[s, c] + beta[c] + r)        s: segment of pixel p
//   r = 0                                   RESIDUAL 0
//   r = residual[p, c]                      RESIDUAL 1: identity shortcut
//   r = normalised residual[p, c]           RESIDUAL 2: convolution shortcut, with statistics of its own
//
// z, residual, y  f32 [pixels, channels4] of vec4, NHWC
// statistics, residual_statistics  f32 [segments, 4, channels4] of vec4: mean, inverse_std, scale, beta
//
// The mean is subtracted first, so nothing cancels where it is large. RELU 0 leaves the sum as it is.
// Workgroups (x, segment): a thread keeps one channel group, so it loads the statistics once, and walks over pixels;
// neighbouring threads write neighbouring addresses.

override RESIDUAL: u32;
override RELU: u32;

struct Dims {
  channels4: u32,
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
  let c4 = dims.channels4;
  let lanes = groups.x * 64u / c4;
  let lane = id.x / c4;
  if (lane >= lanes) {
    return;
  }
  let at = id.y * 4u * c4 + id.x % c4;
  let mean = statistics[at];
  let scale = statistics[at + 2u * c4];
  let beta = statistics[at + 3u * c4];
  var residual_mean = vec4f();
  var residual_scale = vec4f();
  var residual_beta = vec4f();
  if (RESIDUAL == 2u) {
    residual_mean = residual_statistics[at];
    residual_scale = residual_statistics[at + 2u * c4];
    residual_beta = residual_statistics[at + 3u * c4];
  }
  let step = lanes * c4;
  let last = dims.ends[id.y] * c4;
  for (var i = (segment_start(id.y) + lane) * c4 + id.x % c4; i < last; i += step) {
    var value = (z[i] - mean) * scale + beta;
    if (RESIDUAL == 1u) {
      value += residual[i];
    } else if (RESIDUAL == 2u) {
      value += (residual[i] - residual_mean) * residual_scale + residual_beta;
    }
    if (RELU == 1u) {
      // Not max(), which may turn NaN into 0 and so hide that training has diverged.
      value = select(value, vec4f(), value < vec4f());
    }
    y[i] = value;
  }
}
