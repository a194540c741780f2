// Forward convolution, plainly
//
//   y[n, oy, ox, co] = sum over ky, kx, ci of x[n, oy * S + ky - P, ox * S + kx - P, ci] * w[ky, kx, ci, co]
//
// K = KERNEL, S = STRIDE, P = (K - 1) / 2, and x = 0 outside the image. A thread computes 4 channels of a pixel.

override KERNEL: u32;
override STRIDE: u32;

struct Dims {
  batch: u32,
  inHeight: u32,
  inWidth: u32,
  inGroups: u32, // groups of 4 channels
  outHeight: u32,
  outWidth: u32,
  outGroups: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [batch, inHeight, inWidth, inGroups]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [K, K, 4 inGroups, outGroups]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [batch, outHeight, outWidth, outGroups]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.x;
  let group = id.y;
  if (pixel >= dims.batch * dims.outHeight * dims.outWidth) {
    return;
  }
  let ox = pixel % dims.outWidth;
  let oy = pixel / dims.outWidth % dims.outHeight;
  let image = pixel / dims.outWidth / dims.outHeight;
  var sum = vec4f();
  for (var ky = 0u; ky < KERNEL; ky++) {
    for (var kx = 0u; kx < KERNEL; kx++) {
      let iy = i32(oy * STRIDE + ky) - i32(KERNEL / 2u);
      let ix = i32(ox * STRIDE + kx) - i32(KERNEL / 2u);
      if (iy < 0 || iy >= i32(dims.inHeight) || ix < 0 || ix >= i32(dims.inWidth)) {
        continue;
      }
      let inAt = ((image * dims.inHeight + u32(iy)) * dims.inWidth + u32(ix)) * dims.inGroups;
      for (var ci = 0u; ci < dims.inGroups; ci++) {
        let value = x[inAt + ci];
        let at = ((ky * KERNEL + kx) * 4u * dims.inGroups + 4u * ci) * dims.outGroups + group;
        sum += value.x * weight[at];
        sum += value.y * weight[at + dims.outGroups];
        sum += value.z * weight[at + 2u * dims.outGroups];
        sum += value.w * weight[at + 3u * dims.outGroups];
      }
    }
  }
  y[pixel * dims.outGroups + group] = sum;
}
