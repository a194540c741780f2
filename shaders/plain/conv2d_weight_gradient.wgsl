// Gradient of a convolution with respect to its weights, plainly: partial sums, which another kernel adds up
//
//   partials[chunk, ky, kx, ci, co] = sum over the pixels (n, oy, ox) of `chunk` of
//                                    x[n, oy * S + ky - P, ox * S + kx - P, ci] * gy[n, oy, ox, co]
//
// K = KERNEL, S = STRIDE, P = (K - 1) / 2, and x = 0 outside the image. Which pixels make a chunk is free, as long as
// each is in one; here chunk c has the strips from c * stripsPerChunk on, a strip being 4 columns of an image. A thread
// computes 4 output channels of one input channel and tap.

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
  chunks: u32,
  stripsPerChunk: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [batch, inHeight, inWidth, inGroups]
@group(0) @binding(2) var<storage, read> gy: array<vec4f>; // [batch, outHeight, outWidth, outGroups]
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>; // [chunks, K, K, 4 inGroups, outGroups]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = KERNEL * KERNEL * 4u * dims.inGroups * dims.outGroups;
  let chunk = id.y;
  if (id.x >= size) {
    return;
  }
  let co = id.x % dims.outGroups;
  let ci = id.x / dims.outGroups % (4u * dims.inGroups);
  let tap = id.x / dims.outGroups / (4u * dims.inGroups);
  let strips = (dims.outWidth + 3u) / 4u; // of an image
  let end = min((chunk + 1u) * dims.stripsPerChunk, dims.batch * strips);
  var sum = vec4f();
  for (var strip = chunk * dims.stripsPerChunk; strip < end; strip++) {
    let image = strip / strips;
    let first = strip % strips * 4u;
    for (var oy = 0u; oy < dims.outHeight; oy++) {
      for (var ox = first; ox < min(first + 4u, dims.outWidth); ox++) {
        let iy = i32(oy * STRIDE + tap / KERNEL) - i32(KERNEL / 2u);
        let ix = i32(ox * STRIDE + tap % KERNEL) - i32(KERNEL / 2u);
        if (iy < 0 || iy >= i32(dims.inHeight) || ix < 0 || ix >= i32(dims.inWidth)) {
          continue;
        }
        let inAt = ((image * dims.inHeight + u32(iy)) * dims.inWidth + u32(ix)) * dims.inGroups;
        let outAt = ((image * dims.outHeight + oy) * dims.outWidth + ox) * dims.outGroups;
        sum += x[inAt + ci / 4u][ci % 4u] * gy[outAt + co];
      }
    }
  }
  partials[chunk * size + id.x] = sum;
}
