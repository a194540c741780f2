// Gradient of a convolution with respect to its input, plainly
//
//   gx[n, iy, ix, ci] = sum over ky, kx, co of gy[n, oy, ox, co] * w[ky, kx, ci, co]   (+ addend[n, iy, ix, ci])
//
// over those (ky, kx) for which oy = (iy + P - ky) / S and ox = (ix + P - kx) / S are whole numbers inside the output;
// K = KERNEL, S = STRIDE, P = (K - 1) / 2. A thread computes 4 channels of a pixel.

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
  accumulate: u32, // 1: the addend is added
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> gy: array<vec4f>; // [batch, outHeight, outWidth, outGroups]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [K, K, 4 inGroups, outGroups]
@group(0) @binding(3) var<storage, read> addend: array<vec4f>; // as gx, where accumulate is 1; else anything
@group(0) @binding(4) var<storage, read_write> gx: array<vec4f>; // [batch, inHeight, inWidth, inGroups]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.x;
  let group = id.y;
  if (pixel >= dims.batch * dims.inHeight * dims.inWidth) {
    return;
  }
  let ix = pixel % dims.inWidth;
  let iy = pixel / dims.inWidth % dims.inHeight;
  let image = pixel / dims.inWidth / dims.inHeight;
  var sum = vec4f();
  for (var ky = 0u; ky < KERNEL; ky++) {
    for (var kx = 0u; kx < KERNEL; kx++) {
      let down = i32(iy + KERNEL / 2u) - i32(ky);
      let right = i32(ix + KERNEL / 2u) - i32(kx);
      if (down < 0 || right < 0 || u32(down) % STRIDE != 0u || u32(right) % STRIDE != 0u) {
        continue;
      }
      let oy = u32(down) / STRIDE;
      let ox = u32(right) / STRIDE;
      if (oy >= dims.outHeight || ox >= dims.outWidth) {
        continue;
      }
      let outAt = ((image * dims.outHeight + oy) * dims.outWidth + ox) * dims.outGroups;
      for (var co = 0u; co < dims.outGroups; co++) {
        let g = gy[outAt + co];
        let at = ((ky * KERNEL + kx) * 4u * dims.inGroups + 4u * group) * dims.outGroups + co;
        sum += vec4f(
          dot(g, weight[at]),
          dot(g, weight[at + dims.outGroups]),
          dot(g, weight[at + 2u * dims.outGroups]),
          dot(g, weight[at + 3u * dims.outGroups]),
        );
      }
    }
  }
  let at = pixel * dims.inGroups + group;
  if (dims.accumulate == 1u) {
    sum += addend[at];
  }
  gx[at] = sum;
}
