// Gradient of a convolution with respect to its weights: partial sums
//
//   partials[chunk, ky, kx, ci, co] = sum over the strips of `chunk` and their pixels (n, oy, ox) of
//                                    x[n, oy * S + ky - P, ox * S + kx - P, ci] * gy[n, oy, ox, co]
//
// with S, K and P of lib/conv2d.wgsl, and x = 0 outside the image. A strip is four
// columns of gy, adjacent in ox, over the whole height of one image; chunk c holds the strips from
// c * stripsPerChunk on, ordered (n, strip). conv2d_weight_gradient_reduce.wgsl adds the chunks in order, so
// that the result is the same in every run.
//
//   x        f32 or f16 [batch, inHeight, inWidth, 4 * inGroups]  read as vec4f over ci
//   gy       f32 [batch, outHeight, outWidth, 4 * outGroups]      read as vec4f over co
//   partials  f32 [chunks, K, K, 4 * inGroups, 4 * outGroups]      written as vec4f over co
//
// A thread owns 4 input by 4 output channels of one chunk, all taps: nine matrices of sums in registers. It walks
// down its strips, so that a row of x (`inputRow`; it and `gradientColumns` are in lib/conv2d_rows_*.wgsl) is loaded
// once for the three ky that meet it (STRIDE 1) and once for the three kx: 10 loads for 144 vec4f multiply-adds.
// Threads are ordered (chunk, input group, output group): neighbours read the same or the adjacent vec4f, and no
// thread needs another's sums.

// needs: lib/conv2d_outer
// needs: lib/conv2d_rows_plain or lib/conv2d_rows_subgroup
// needs: lib/storage_f32 or lib/storage_f16

@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> gy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;

struct Row { // the columns of x that meet four columns of gy: 6 of them for STRIDE 1, 9 for STRIDE 2
  c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f, c4: vec4f, c5: vec4f, c6: vec4f, c7: vec4f, c8: vec4f,
}

struct Taps { k0: mat4x4f, k1: mat4x4f, k2: mat4x4f } // one ky, kx = 0, 1, 2

fn addRow(taps: ptr<function, Taps>, row: Row, g: mat4x4f) {
  if (KERNEL == 1u) {
    if (STRIDE == 1u) {
      (*taps).k0 = addOuter((*taps).k0, row.c0, row.c1, row.c2, row.c3, g);
    } else {
      (*taps).k0 = addOuter((*taps).k0, row.c0, row.c2, row.c4, row.c6, g);
    }
  } else if (STRIDE == 1u) {
    (*taps).k0 = addOuter((*taps).k0, row.c0, row.c1, row.c2, row.c3, g);
    (*taps).k1 = addOuter((*taps).k1, row.c1, row.c2, row.c3, row.c4, g);
    (*taps).k2 = addOuter((*taps).k2, row.c2, row.c3, row.c4, row.c5, g);
  } else {
    (*taps).k0 = addOuter((*taps).k0, row.c0, row.c2, row.c4, row.c6, g);
    (*taps).k1 = addOuter((*taps).k1, row.c1, row.c3, row.c5, row.c7, g);
    (*taps).k2 = addOuter((*taps).k2, row.c2, row.c4, row.c6, row.c8, g);
  }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  prepareRows();
  let outGroup = id.x % dims.outGroups;
  let inGroup = id.x / dims.outGroups % dims.inGroups;
  let chunk = id.x / dims.outGroups / dims.inGroups;
  let stripsPerRow = (dims.outWidth + 3u) / 4u;
  // Surplus threads have no strips. They leave at the end: a return here would mask all that follows.
  let end = min((chunk + 1u) * dims.stripsPerChunk, dims.batch * stripsPerRow);

  let rowSize = dims.inWidth * dims.inGroups;

  var above: Taps; // ky = 0
  var middle: Taps; // ky = 1; the only one of a 1x1 kernel
  var below: Taps; // ky = 2
  for (var strip = chunk * dims.stripsPerChunk; strip < end; strip++) {
    let image = strip / stripsPerRow;
    let column = strip % stripsPerRow * 4u;
    // Rows and columns of x may wrap below zero, and so may the addresses.
    let left = column * STRIDE - KERNEL / 2u;
    var inAt = (image * dims.inHeight * dims.inWidth + left) * dims.inGroups + inGroup;
    var outAt = (image * dims.outHeight * dims.outWidth + column) * dims.outGroups + outGroup;
    var upper = Row(); // row -1; an explicit zero, which `var upper: Row;` is only in the first round on naga
    var center = Row();
    if (KERNEL == 3u && STRIDE == 1u) {
      center = inputRow(inAt, 0u, left);
    }
    for (var oy = 0u; oy < dims.outHeight; oy++) {
      let g = gradientColumns(outAt, column);
      outAt += dims.outWidth * dims.outGroups;
      if (KERNEL == 1u || STRIDE == 2u) {
        center = inputRow(inAt, oy * STRIDE, left);
      }
      addRow(&middle, center, g);
      if (KERNEL == 3u) {
        let lower = inputRow(inAt + rowSize, oy * STRIDE + 1u, left);
        addRow(&above, upper, g);
        addRow(&below, lower, g);
        upper = lower;
        if (STRIDE == 1u) {
          upper = center;
          center = lower;
        }
      }
      inAt += STRIDE * rowSize;
    }
  }

  if (chunk >= dims.chunks) {
    return;
  }
  let tapSize = 4u * dims.inGroups * dims.outGroups;
  let first = chunk * KERNEL * KERNEL * tapSize + inGroup * 4u * dims.outGroups + outGroup;
  if (KERNEL == 1u) {
    store(first, middle.k0);
  } else {
    store(first, above.k0);
    store(first + tapSize, above.k1);
    store(first + 2u * tapSize, above.k2);
    store(first + 3u * tapSize, middle.k0);
    store(first + 4u * tapSize, middle.k1);
    store(first + 5u * tapSize, middle.k2);
    store(first + 6u * tapSize, below.k0);
    store(first + 7u * tapSize, below.k1);
    store(first + 8u * tapSize, below.k2);
  }
}
