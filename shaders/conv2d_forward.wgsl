// Forward convolution
//
//   y[n, oy, ox, co] = sum over ky, kx, ci of x[n, oy * S + ky - P, ox * S + kx - P, ci] * w[ky, kx, ci, co]
//
// with S, K and P of lib/conv2d.wgsl, and x = 0 outside the image.
//
//   x       f32 or f16 [batch, inHeight, inWidth, 4 * inGroups]      read as vec4f over ci
//   weight  f32 [K, K, 4 * inGroups, 4 * outGroups]                  w, read as vec4f over co
//   y       f32 or f16 [batch, outHeight, outWidth, 4 * outGroups]   written as vec4f over co
//
// Channels beyond the true ones are zero in x and w, and therefore in y. Who computes what: lib/conv2d_strips.wgsl.
//
// Loads are the cost (on a CPU adapter one is worth about eleven vec4f multiply-adds): 3x3 kernels take 18 loads of
// x and 18 weight blocks for 576 multiply-adds with SECOND = 1, 24 and 9 with SECOND = 2. Twice as many sums per
// thread need fewer loads still, but were slower: the loop no longer fits the instruction cache.

// needs: lib/conv2d_forward

// The row iy whose column `left` is at x[at]: all columns that four outputs meet.
fn inputRow(at: u32, iy: u32, left: u32) -> Row {
  let inside = iy < dims.inHeight;
  let step = dims.inGroups;
  var row: Row;
  loadMiddle(&row, at, left, inside);
  if (STRIDE == 1u) {
    loadEnds(&row, at, left, inside);
  } else {
    row.c5 = sourceAt(at + 5u * step, left + 5u, inside);
    row.c6 = sourceAt(at + 6u * step, left + 6u, inside);
    row.c7 = sourceAt(at + 7u * step, left + 7u, inside);
    row.c8 = sourceAt(at + 8u * step, left + 8u, inside);
    if (EXCHANGE == 1u && KERNEL == 3u) {
      row.c0 = select(vec4f(), ofLaneBefore(row.c8), left < dims.inWidth);
    } else {
      row.c0 = sourceAt(at, left, inside);
    }
  }
  return row;
}

// Adds one ky; `next` is the row below x.
fn addRow(first: ptr<function, Tile>, second: ptr<function, Tile>, at: u32, x: Row, next: Row) {
  let tapSize = 4u * dims.inGroups * dims.outGroups;
  if (STRIDE == 2u) {
    let even = mat4x4f(x.c0, x.c2, x.c4, x.c6);
    addTap(first, second, at, even, even);
    if (KERNEL == 3u) {
      let odd = mat4x4f(x.c1, x.c3, x.c5, x.c7);
      addTap(first, second, at + tapSize, odd, odd);
      let shifted = mat4x4f(x.c2, x.c4, x.c6, x.c8);
      addTap(first, second, at + 2u * tapSize, shifted, shifted);
    }
    return;
  }
  addTap(first, second, at, mat4x4f(x.c0, x.c1, x.c2, x.c3), mat4x4f(next.c0, next.c1, next.c2, next.c3));
  if (KERNEL == 3u) {
    addTap(first, second, at + tapSize, mat4x4f(x.c1, x.c2, x.c3, x.c4), mat4x4f(next.c1, next.c2, next.c3, next.c4));
    addTap(
      first, second, at + 2u * tapSize,
      mat4x4f(x.c2, x.c3, x.c4, x.c5),
      mat4x4f(next.c2, next.c3, next.c4, next.c5),
    );
  }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
  prepareWeights();
  let strip = stripOf(id, workgroup, select(1u, 2u, SECOND == 2u), 0u);
  let top = strip.row * STRIDE - KERNEL / 2u; // may wrap below zero, and so may the addresses
  let left = strip.column * STRIDE - KERNEL / 2u;
  let corner = ((strip.image * dims.inHeight + top) * dims.inWidth + left) * dims.inGroups;
  let rowSize = dims.inWidth * dims.inGroups;
  let weightSize = 4u * dims.outGroups; // of one ci group and tap

  var first: Tile;
  var second: Tile;
  if (SECOND == 2u) {
    for (var ci = 0u; ci < dims.inGroups; ci++) {
      var at = corner + ci;
      var weightsAt = ci * weightSize + strip.group;
      var next = inputRow(at, top, left);
      for (var ky = 0u; ky < KERNEL; ky++) { // a row of x serves two rows of y, so it is carried over
        let x = next;
        at += rowSize;
        next = inputRow(at, top + ky + 1u, left);
        addRow(&first, &second, weightsAt, x, next);
        weightsAt += KERNEL * dims.inGroups * weightSize;
      }
    }
  } else {
    for (var ky = 0u; ky < KERNEL; ky++) {
      var at = corner + ky * rowSize;
      var weightsAt = ky * KERNEL * dims.inGroups * weightSize + strip.group;
      for (var ci = 0u; ci < dims.inGroups; ci++) {
        let x = inputRow(at, top + ky, left);
        addRow(&first, &second, weightsAt, x, x);
        at += 1u;
        weightsAt += weightSize;
      }
    }
  }
  storeStrip(strip, first, second);
}
