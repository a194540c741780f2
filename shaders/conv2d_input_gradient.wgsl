// Gradient of a convolution with respect to its input
//
//   gx[n, iy, ix, ci] = sum over ky, kx, co of gy[n, oy, ox, co] * w[ky, kx, ci, co]   (+ addend[n, iy, ix, ci])
//
// over those (ky, kx) for which oy = (iy + P - ky) / S and ox = (ix + P - kx) / S are whole numbers inside the
// output, with S, K and P of lib/conv2d.wgsl.
//
//   gy      f32 [batch, outHeight, outWidth, 4 * outGroups]     read as vec4f over co
//   weight  f32 [K, K, 4 * inGroups, 4 * outGroups]             w, read as vec4f over co
//   addend  f32 [batch, inHeight, inWidth, 4 * inGroups]        read where `accumulate` is 1; else bind anything
//   gx      f32 [batch, inHeight, inWidth, 4 * inGroups]        written as vec4f over ci
//
// Who computes what: lib/conv2d_strips.wgsl. The weights are read as the forward pass reads them, 4 input by 4 output
// channels as a matrix m of columns over co: there y += m x, here gx += transpose(m) gy (multiplyAdd in
// lib/multiply_add.wgsl; lanes hold the matrix in registers of their own, so that transposing only renames them).
//
// Stride 2 is split by parity, so that no thread multiplies by an inserted zero: workgroup z is the parity of iy,
// which leaves the rows ky = 1 (even iy) or ky = 0, 2 (odd iy); of the columns, even ix meet kx = 1 and odd ix
// meet kx = 0, 2. A 1x1 kernel with stride 2 reaches only even iy and ix; the others are zero or the addend.

// needs: lib/conv2d_strips
// needs: lib/conv2d_addend

@group(0) @binding(1) var<storage, read> gy: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> addend: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> gx: array<vec4f>;

fn sourceGrid() -> Grid {
  return Grid(dims.outHeight, dims.outWidth, dims.outGroups);
}

fn resultGrid() -> Grid {
  return Grid(dims.inHeight, dims.inWidth, dims.inGroups);
}

fn sourceAt(at: u32, column: u32, rowInside: bool) -> vec4f {
  let inside = rowInside && column < dims.outWidth;
  return select(vec4f(), gy[select(0u, at, inside)], inside);
}

// Columns over ci: of `first` for the 4 input channels from w[ky, kx, at] on, of `second` for the next 4.
fn blockAt(at: u32, pair: u32) -> WeightBlock {
  let m = weightBlock(at + 8u * pair * dims.outGroups, dims.outGroups, 4u * dims.outGroups);
  return WeightBlock(transpose(m.first), transpose(m.second));
}

// The row oy whose column `left` is at gy[at]: all columns that four gradients meet.
fn gradientRow(at: u32, oy: u32, left: u32) -> Row {
  let inside = oy < dims.outHeight;
  let step = dims.outGroups;
  var row: Row;
  if (STRIDE == 1u) {
    loadMiddle(&row, at, left, inside);
    loadEnds(&row, at, left, inside);
  } else {
    row.c0 = sourceAt(at, left, inside);
    row.c1 = sourceAt(at + step, left + 1u, inside);
    if (EXCHANGE == 1u && KERNEL == 3u) {
      row.c2 = select(vec4f(), ofLaneBehind(row.c0), left + 2u < dims.outWidth);
    } else {
      row.c2 = sourceAt(at + 2u * step, left + 2u, inside);
    }
  }
  return row;
}

fn addEven(tile: ptr<function, Tile>, m: WeightBlock, g0: vec4f, g2: vec4f) {
  (*tile).a0 = multiplyAdd(m.first, g0, (*tile).a0);
  (*tile).a2 = multiplyAdd(m.first, g2, (*tile).a2);
  (*tile).b0 = multiplyAdd(m.second, g0, (*tile).b0);
  (*tile).b2 = multiplyAdd(m.second, g2, (*tile).b2);
}

fn addOdd(tile: ptr<function, Tile>, m: WeightBlock, g1: vec4f, g3: vec4f) {
  (*tile).a1 = multiplyAdd(m.first, g1, (*tile).a1);
  (*tile).a3 = multiplyAdd(m.first, g3, (*tile).a3);
  (*tile).b1 = multiplyAdd(m.second, g1, (*tile).b1);
  (*tile).b3 = multiplyAdd(m.second, g3, (*tile).b3);
}

// Both add one tap; `at` is the place of w[ky, kx, first input channel of the thread, 4 co].
fn addEvenTap(first: ptr<function, Tile>, second: ptr<function, Tile>, at: u32, g0: vec4f, g2: vec4f) {
  addEven(first, blockAt(at, 0u), g0, g2);
  if (SECOND == 1u) {
    addEven(second, blockAt(at, 1u), g0, g2);
  }
}

fn addOddTap(first: ptr<function, Tile>, second: ptr<function, Tile>, at: u32, g1: vec4f, g3: vec4f) {
  addOdd(first, blockAt(at, 0u), g1, g3);
  if (SECOND == 1u) {
    addOdd(second, blockAt(at, 1u), g1, g3);
  }
}

// Adds one ky; `next` is the row below g.
fn addRow(first: ptr<function, Tile>, second: ptr<function, Tile>, at: u32, g: Row, next: Row) {
  let tapSize = 4u * dims.inGroups * dims.outGroups;
  if (STRIDE == 2u && KERNEL == 1u) {
    addEvenTap(first, second, at, g.c0, g.c1);
  } else if (STRIDE == 2u) {
    addOddTap(first, second, at, g.c1, g.c2);
    addEvenTap(first, second, at + tapSize, g.c0, g.c1);
    addOddTap(first, second, at + 2u * tapSize, g.c0, g.c1);
  } else if (KERNEL == 1u) {
    addTap(first, second, at, mat4x4f(g.c0, g.c1, g.c2, g.c3), mat4x4f(next.c0, next.c1, next.c2, next.c3));
  } else {
    addTap(first, second, at, mat4x4f(g.c2, g.c3, g.c4, g.c5), mat4x4f(next.c2, next.c3, next.c4, next.c5));
    addTap(first, second, at + tapSize, mat4x4f(g.c1, g.c2, g.c3, g.c4), mat4x4f(next.c1, next.c2, next.c3, next.c4));
    addTap(
      first, second, at + 2u * tapSize,
      mat4x4f(g.c0, g.c1, g.c2, g.c3),
      mat4x4f(next.c0, next.c1, next.c2, next.c3),
    );
  }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
  prepareWeights();
  let parity = workgroup.z; // 0 where STRIDE is 1
  let strip = stripOf(id, workgroup, select(STRIDE, 2u, SECOND == 2u), parity);
  // Rows and columns may wrap below zero, and so may the addresses.
  let left = strip.column / STRIDE - select(0u, 1u, KERNEL == 3u && STRIDE == 1u);
  let corner = (strip.image * dims.outHeight * dims.outWidth + left) * dims.outGroups;
  let rowSize = dims.outWidth * dims.outGroups;
  let weightSize = 4u * dims.outGroups; // of one ci group and tap

  var first: Tile;
  var second: Tile;
  if (SECOND == 2u) {
    for (var co = 0u; co < dims.outGroups; co++) {
      var oy = strip.row + KERNEL / 2u + 1u;
      var at = corner + oy * rowSize + co;
      var weightsAt = strip.group * weightSize + co;
      var g = gradientRow(at, oy, left);
      for (var ky = 0u; ky < KERNEL; ky++) { // a row of gy serves two rows of gx, so it is carried over
        let next = g;
        oy -= 1u;
        at -= rowSize;
        g = gradientRow(at, oy, left);
        addRow(&first, &second, weightsAt, g, next);
        weightsAt += KERNEL * dims.inGroups * weightSize;
      }
    }
  } else {
    for (var ky = (parity + KERNEL / 2u) % STRIDE; ky < KERNEL; ky += STRIDE) {
      let above = strip.row + KERNEL / 2u - ky; // -1 only where STRIDE is 1
      let oy = select(above, above / 2u, STRIDE == 2u);
      var at = corner + oy * rowSize;
      var weightsAt = (ky * KERNEL * dims.inGroups + strip.group) * weightSize;
      for (var co = 0u; co < dims.outGroups; co++) {
        let g = gradientRow(at, oy, left);
        addRow(&first, &second, weightsAt, g, g);
        at += 1u;
        weightsAt += 1u;
      }
    }
  }
  storeStrip(strip, first, second);
}
