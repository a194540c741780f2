// Backward max pooling in 3x3 windows of stride 2 and padding 1: the gradient of a maximum goes to the place that it
// was taken from
//
//   gx[n, iy, ix, c] = sum over oy, ox of gy[n, oy, ox, c] where taps[n, oy, ox, c] = 3 ky + kx,
//                      ky = iy + 1 - 2 oy and kx = ix + 1 - 2 ox, both in 0 .. 2
//
//   gy    f32 [rows, outHeight, outWidth, 4 * channels4]   read as vec4f over c
//   taps  u32 [rows, outHeight, outWidth, channels4]       of max_pool_forward.wgsl
//   gx    f32 [rows, inHeight, inWidth, 4 * channels4]     written as vec4f over c
//
// One thread takes one vec4f of gx at a time and asks the windows that it lies in: one where iy and ix are even, up to
// four where both are odd, added in the order of (oy, ox). So nothing is added to by two threads.

// needs: lib/max_pool

@group(0) @binding(1) var<storage, read> gy: array<vec4f>;
@group(0) @binding(2) var<storage, read> taps: array<u32>;
@group(0) @binding(3) var<storage, read_write> gx: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let rowSize = dims.inWidth * dims.channels4;
  let total = dims.rows * dims.inHeight * rowSize;
  for (var i = id.x; i < total; i += groups.x * 64u) {
    let group = i % dims.channels4;
    let ix = i / dims.channels4 % dims.inWidth;
    let iy = i / rowSize % dims.inHeight;
    let image = i / rowSize / dims.inHeight;
    let bottom = min((iy + 1u) / 2u, dims.outHeight - 1u);
    let right = min((ix + 1u) / 2u, dims.outWidth - 1u);
    var sum = vec4f();
    for (var oy = iy / 2u; oy <= bottom; oy++) {
      for (var ox = ix / 2u; ox <= right; ox++) {
        let at = ((image * dims.outHeight + oy) * dims.outWidth + ox) * dims.channels4 + group;
        let tap = vec4u(3u * (iy + 1u - 2u * oy) + ix + 1u - 2u * ox);
        let taken = (vec4u(taps[at]) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(0xffu);
        sum += select(vec4f(), gy[at], taken == tap);
      }
    }
    gx[i] = sum;
  }
}
