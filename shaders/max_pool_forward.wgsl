// Max pooling in 3x3 windows of stride 2 and padding 1
//
//   y[n, oy, ox, c]    = max over ky, kx in 0 .. 2 of x[n, 2 oy + ky - 1, 2 ox + kx - 1, c]
//   taps[n, oy, ox, c] = 3 ky + kx of the place that holds it: of several the first, row by row
//
// Places outside the image take no part. The middle of a window, (2 oy, 2 ox), is always inside.
//
//   x     f32 or f16 [rows, inHeight, inWidth, 4 * channels4]     read as vec4f over c
//   y     f32 or f16 [rows, outHeight, outWidth, 4 * channels4]   written as vec4f over c
//   taps  u32 [rows, outHeight, outWidth, channels4]              four taps of 8 bits, of the first channel lowest
//
// One thread takes one vec4f of y at a time: up to 9 loads. The backward pass needs nothing but the taps, a quarter of
// the size of y in f32, where it would have to look at 25 places of x for each of its own again.

// needs: lib/max_pool
// needs: lib/storage_f32 or lib/storage_f16

@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read_write> y: array<Stored>;
@group(0) @binding(3) var<storage, read_write> taps: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let rowSize = dims.outWidth * dims.channels4;
  let total = dims.rows * dims.outHeight * rowSize;
  for (var i = id.x; i < total; i += groups.x * 64u) {
    let group = i % dims.channels4;
    let ox = i / dims.channels4 % dims.outWidth;
    let oy = i / rowSize % dims.outHeight;
    let image = i / rowSize / dims.outHeight;
    // ky and kx of the first place inside, and behind the last one.
    let top = select(0u, 1u, oy == 0u);
    let left = select(0u, 1u, ox == 0u);
    let bottom = min(3u, dims.inHeight + 1u - 2u * oy);
    let right = min(3u, dims.inWidth + 1u - 2u * ox);
    let first = ((image * dims.inHeight + 2u * oy + top - 1u) * dims.inWidth + 2u * ox + left - 1u) * dims.channels4;
    var value = widen(x[first + group]);
    var tap = vec4u(3u * top + left);
    for (var ky = top; ky < bottom; ky++) {
      for (var kx = left; kx < right; kx++) {
        let at = first + ((ky - top) * dims.inWidth + kx - left) * dims.channels4 + group;
        let found = widen(x[at]);
        // Not max(), which may leave NaN out and so hide that training has diverged: here it stays.
        let larger = !(found <= value) & (value == value);
        value = select(value, found, larger);
        tap = select(tap, vec4u(3u * ky + kx), larger);
      }
    }
    y[i] = narrow(value);
    taps[i] = tap.x | (tap.y << 8u) | (tap.z << 16u) | (tap.w << 24u);
  }
}
