// What all kernels of a convolution are about: y[n, oy, ox, co] from x[n, iy, ix, ci], K = KERNEL (1 or 3, of a stem
// 7) taps in each direction, S = STRIDE (1 or 2), padding P = (K - 1) / 2. Groups are groups of 4 channels.

override KERNEL: u32;
override STRIDE: u32;

struct Dims {
  batch: u32,
  inHeight: u32,
  inWidth: u32,
  inGroups: u32,
  outHeight: u32,
  outWidth: u32,
  outGroups: u32,
  accumulate: u32, // gradients of the input: 1 adds `addend`, else 0
  chunks: u32, // gradients of the weights: sets of partial sums, else 0
  stripsPerChunk: u32, // likewise: strips that are summed into one set
}

@group(0) @binding(0) var<uniform> dims: Dims;
