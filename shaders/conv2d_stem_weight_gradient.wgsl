// Gradient of the convolution of a stem, 7x7 of stride 2, with respect to its weights: partial sums
//
//   partials[chunk, ky, kx, ci, co] = sum over the strips of `chunk` and their pixels (n, oy, ox) of
//                                    x[n, 2 oy + ky - 3, 2 ox + kx - 3, ci] * gy[n, oy, ox, co]
//
// with KERNEL = 7, STRIDE = 2, and x = 0 outside the image. Strips, chunks and their sum are those of
// conv2d_weight_gradient.wgsl.
//
//   x         f32 or f16 [batch, inHeight, inWidth, 4 * inGroups]  read as vec4f over ci
//   gy        f32 [batch, outHeight, outWidth, 4 * outGroups]      read as vec4f over co
//   partials  f32 [chunks, 7, 7, 4 * inGroups, 4 * outGroups]      written as vec4f over co
//
// A thread owns 4 input by 4 output channels of one chunk and one ky, all kx: seven matrices of sums in registers, since
// those of all 49 taps would not fit. It walks down its strips; a row of x serves all kx: 17 loads for 112 vec4f
// multiply-adds. Threads are ordered (chunk, ky, input group, output group): neighbours read the same or the adjacent
// vec4f, and no thread needs another's sums.

// needs: lib/conv2d_columns
// needs: lib/storage_f32 or lib/storage_f16

@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> gy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;

struct Row { // the columns of x that meet four columns of gy
  c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f, c4: vec4f, c5: vec4f, c6: vec4f, c7: vec4f, c8: vec4f, c9: vec4f,
  c10: vec4f, c11: vec4f, c12: vec4f,
}

// The row iy whose column `left` is at x[at].
fn inputRow(at: u32, iy: u32, left: u32) -> Row {
  let inside = iy < dims.inHeight;
  let step = dims.inGroups;
  var row: Row;
  loadColumns(&row, at, left, inside);
  row.c6 = inputAt(at + 6u * step, left + 6u, inside);
  row.c7 = inputAt(at + 7u * step, left + 7u, inside);
  row.c8 = inputAt(at + 8u * step, left + 8u, inside);
  row.c9 = inputAt(at + 9u * step, left + 9u, inside);
  row.c10 = inputAt(at + 10u * step, left + 10u, inside);
  row.c11 = inputAt(at + 11u * step, left + 11u, inside);
  row.c12 = inputAt(at + 12u * step, left + 12u, inside);
  return row;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let outGroup = id.x % dims.outGroups;
  let inGroup = id.x / dims.outGroups % dims.inGroups;
  let ky = id.x / dims.outGroups / dims.inGroups % KERNEL;
  let chunk = id.x / dims.outGroups / dims.inGroups / KERNEL;
  if (chunk >= dims.chunks) {
    return;
  }
  let stripsPerRow = (dims.outWidth + 3u) / 4u;
  let end = min((chunk + 1u) * dims.stripsPerChunk, dims.batch * stripsPerRow);
  let rowSize = dims.inWidth * dims.inGroups;

  var k0: mat4x4f; // kx = 0
  var k1: mat4x4f;
  var k2: mat4x4f;
  var k3: mat4x4f;
  var k4: mat4x4f;
  var k5: mat4x4f;
  var k6: mat4x4f;
  for (var strip = chunk * dims.stripsPerChunk; strip < end; strip++) {
    let image = strip / stripsPerRow;
    let column = strip % stripsPerRow * 4u;
    // Rows and columns of x may wrap below zero, and so may the addresses.
    let left = column * STRIDE - KERNEL / 2u;
    let top = ky - KERNEL / 2u;
    var inAt = ((image * dims.inHeight + top) * dims.inWidth + left) * dims.inGroups + inGroup;
    var outAt = (image * dims.outHeight * dims.outWidth + column) * dims.outGroups + outGroup;
    for (var oy = 0u; oy < dims.outHeight; oy++) {
      let g = gradientColumns(outAt, column);
      let row = inputRow(inAt, oy * STRIDE + top, left);
      k0 = addOuter(k0, row.c0, row.c2, row.c4, row.c6, g);
      k1 = addOuter(k1, row.c1, row.c3, row.c5, row.c7, g);
      k2 = addOuter(k2, row.c2, row.c4, row.c6, row.c8, g);
      k3 = addOuter(k3, row.c3, row.c5, row.c7, row.c9, g);
      k4 = addOuter(k4, row.c4, row.c6, row.c8, row.c10, g);
      k5 = addOuter(k5, row.c5, row.c7, row.c9, row.c11, g);
      k6 = addOuter(k6, row.c6, row.c8, row.c10, row.c12, g);
      outAt += dims.outWidth * dims.outGroups;
      inAt += STRIDE * rowSize;
    }
  }

  let tapSize = 4u * dims.inGroups * dims.outGroups;
  let first = (chunk * KERNEL + ky) * KERNEL * tapSize + inGroup * 4u * dims.outGroups + outGroup;
  store(first, k0);
  store(first + tapSize, k1);
  store(first + 2u * tapSize, k2);
  store(first + 3u * tapSize, k3);
  store(first + 4u * tapSize, k4);
  store(first + 5u * tapSize, k5);
  store(first + 6u * tapSize, k6);
}
