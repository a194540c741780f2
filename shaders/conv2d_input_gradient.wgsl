// Gradient of a convolution with respect to its input
//
//   gx[n, iy, ix, ci] = sum over ky, kx, co of gy[n, oy, ox, co] * w[ky, kx, ci, co]   (+ addend[n, iy, ix, ci])
//
// over those (ky, kx) for which oy = (iy + P - ky) / S and ox = (ix + P - kx) / S are whole numbers inside the
// output, with S = STRIDE (1 or 2), K = KERNEL (1 or 3), P = (K - 1) / 2.
//
//   gy      f32 [batch, outHeight, outWidth, 4 * outGroups]     read as vec4f over co
//   w       f32 [K, K, 4 * inGroups, 4 * outGroups]             read as vec4f over co
//   addend  f32 [batch, inHeight, inWidth, 4 * inGroups]        read where `accumulate` is 1; else bind anything
//   gx      f32 [batch, inHeight, inWidth, 4 * inGroups]        written as vec4f over ci
//
// The tiling is that of conv2d_forward.wgsl: a thread computes a strip of 4 gradients adjacent in ix for 2 groups of
// 4 input channels, and SECOND says what else: 0 nothing, 1 the next 2 groups, 2 the same groups of the next row
// (STRIDE 1 only). The lanes of a workgroup (x) run over strips, ordered (n, iy, strip), and workgroup y chooses
// the input channels. The weights are read as the forward pass reads them, 4 input by 4 output channels as a
// matrix m of columns over co: there y += m x, here gx += transpose(m) gy (multiplyAdd in lib/multiply_add.wgsl; lanes
// hold the matrix in registers of their own, so that transposing only renames them).
//
// Stride 2 is split by parity, so that no thread multiplies by an inserted zero: workgroup z is the parity of iy,
// which leaves the rows ky = 1 (even iy) or ky = 0, 2 (odd iy); of the columns, even ix meet kx = 1 and odd ix
// meet kx = 0, 2. A 1x1 kernel with stride 2 reaches only even iy and ix; the others are zero or the addend.

// needs: lib/conv2d_weights_plain or lib/conv2d_weights_subgroup
// needs: lib/multiply_add

override KERNEL: u32;
override STRIDE: u32;
override SECOND: u32;
override EXCHANGE: u32; // 1: neighbouring lanes hand each other the columns that both need

struct Dims {
  batch: u32,
  inHeight: u32,
  inWidth: u32,
  inGroups: u32,
  outHeight: u32,
  outWidth: u32,
  outGroups: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> gy: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> addend: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> gx: array<vec4f>;

struct Tile { // two groups of input channels, a and b, by four pixels
  a0: vec4f, a1: vec4f, a2: vec4f, a3: vec4f,
  b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f,
}

struct Row { // the columns of gy that four gradients meet: 6 of them for STRIDE 1, 3 for STRIDE 2
  c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f, c4: vec4f, c5: vec4f,
}

// gy[at], which is column `column` of a row, zero outside the output. Negative columns wrap to large ones.
fn gradientAt(at: u32, column: u32, rowInside: bool) -> vec4f {
  let inside = rowInside && column < dims.outWidth;
  return select(vec4f(), gy[select(0u, at, inside)], inside);
}

// The row oy whose column `left` is at gy[at].
fn gradientRow(at: u32, oy: u32, left: u32) -> Row {
  let inside = oy < dims.outHeight;
  let step = dims.outGroups;
  var row: Row;
  row.c1 = gradientAt(at + step, left + 1u, inside);
  if (STRIDE == 1u) {
    row.c2 = gradientAt(at + 2u * step, left + 2u, inside);
    row.c3 = gradientAt(at + 3u * step, left + 3u, inside);
    row.c4 = gradientAt(at + 4u * step, left + 4u, inside);
    if (EXCHANGE == 1u && KERNEL == 3u) {
      row.c0 = select(vec4f(), ofLaneBefore(row.c4), left < dims.outWidth);
      row.c5 = select(vec4f(), ofLaneBehind(row.c1), left + 5u < dims.outWidth);
    } else {
      row.c0 = gradientAt(at, left, inside);
      row.c5 = gradientAt(at + 5u * step, left + 5u, inside);
    }
  } else {
    row.c0 = gradientAt(at, left, inside);
    if (EXCHANGE == 1u && KERNEL == 3u) {
      row.c2 = select(vec4f(), ofLaneBehind(row.c0), left + 2u < dims.outWidth);
    } else {
      row.c2 = gradientAt(at + 2u * step, left + 2u, inside);
    }
  }
  return row;
}

fn addEven(tile: ptr<function, Tile>, m: WeightBlock, g0: vec4f, g2: vec4f) {
  (*tile).a0 = multiplyAdd(transpose(m.first), g0, (*tile).a0);
  (*tile).a2 = multiplyAdd(transpose(m.first), g2, (*tile).a2);
  (*tile).b0 = multiplyAdd(transpose(m.second), g0, (*tile).b0);
  (*tile).b2 = multiplyAdd(transpose(m.second), g2, (*tile).b2);
}

fn addOdd(tile: ptr<function, Tile>, m: WeightBlock, g1: vec4f, g3: vec4f) {
  (*tile).a1 = multiplyAdd(transpose(m.first), g1, (*tile).a1);
  (*tile).a3 = multiplyAdd(transpose(m.first), g3, (*tile).a3);
  (*tile).b1 = multiplyAdd(transpose(m.second), g1, (*tile).b1);
  (*tile).b3 = multiplyAdd(transpose(m.second), g3, (*tile).b3);
}

fn addA(tile: ptr<function, Tile>, m: mat4x4f, g: mat4x4f) {
  (*tile).a0 = multiplyAdd(transpose(m), g[0], (*tile).a0);
  (*tile).a1 = multiplyAdd(transpose(m), g[1], (*tile).a1);
  (*tile).a2 = multiplyAdd(transpose(m), g[2], (*tile).a2);
  (*tile).a3 = multiplyAdd(transpose(m), g[3], (*tile).a3);
}

fn addB(tile: ptr<function, Tile>, m: mat4x4f, g: mat4x4f) {
  (*tile).b0 = multiplyAdd(transpose(m), g[0], (*tile).b0);
  (*tile).b1 = multiplyAdd(transpose(m), g[1], (*tile).b1);
  (*tile).b2 = multiplyAdd(transpose(m), g[2], (*tile).b2);
  (*tile).b3 = multiplyAdd(transpose(m), g[3], (*tile).b3);
}

// Columns over co: of `first` for the 4 input channels from `at` on, of `second` for the next 4.
fn blockAt(at: u32) -> WeightBlock {
  return weightBlock(at, dims.outGroups, 4u * dims.outGroups);
}

// The next three add one tap; `at` is the place of w[ky, kx, first input channel of the thread, 4 co].
fn addEvenTap(first: ptr<function, Tile>, second: ptr<function, Tile>, at: u32, g0: vec4f, g2: vec4f) {
  addEven(first, blockAt(at), g0, g2);
  if (SECOND == 1u) {
    addEven(second, blockAt(at + 8u * dims.outGroups), g0, g2);
  }
}

fn addOddTap(first: ptr<function, Tile>, second: ptr<function, Tile>, at: u32, g1: vec4f, g3: vec4f) {
  addOdd(first, blockAt(at), g1, g3);
  if (SECOND == 1u) {
    addOdd(second, blockAt(at + 8u * dims.outGroups), g1, g3);
  }
}

fn addTap(first: ptr<function, Tile>, second: ptr<function, Tile>, at: u32, g: mat4x4f, next: mat4x4f) {
  let m = blockAt(at);
  addA(first, m.first, g);
  if (SECOND == 2u) {
    addA(second, m.first, next);
  }
  addB(first, m.second, g);
  if (SECOND == 2u) {
    addB(second, m.second, next);
  }
  if (SECOND == 1u) {
    let m = blockAt(at + 8u * dims.outGroups);
    addA(second, m.first, g);
    addB(second, m.second, g);
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
    addTap(first, second, at + 2u * tapSize, mat4x4f(g.c0, g.c1, g.c2, g.c3), mat4x4f(next.c0, next.c1, next.c2, next.c3));
  }
}

fn store(pixel: u32, group: u32, column: u32, value: vec4f) {
  if (column < dims.inWidth && group < dims.inGroups) {
    let at = (pixel + column) * dims.inGroups + group;
    if (dims.accumulate == 1u) {
      gx[at] = value + addend[at];
    } else {
      gx[at] = value;
    }
  }
}

fn storeTile(pixel: u32, group: u32, column: u32, tile: Tile) {
  store(pixel, group, column, tile.a0);
  store(pixel, group, column + 1u, tile.a1);
  store(pixel, group, column + 2u, tile.a2);
  store(pixel, group, column + 3u, tile.a3);
  store(pixel, group + 1u, column, tile.b0);
  store(pixel, group + 1u, column + 1u, tile.b1);
  store(pixel, group + 1u, column + 2u, tile.b2);
  store(pixel, group + 1u, column + 3u, tile.b3);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
  prepareWeights();
  let rowStep = select(STRIDE, 2u, SECOND == 2u);
  let parity = workgroup.z; // 0 where STRIDE is 1
  let strips = (dims.inWidth + 3u) / 4u;
  let rows = (dims.inHeight + rowStep - 1u - parity) / rowStep; // rows of this parity, or pairs of rows
  let mine = id.x < dims.batch * rows * strips;
  let strip = select(0u, id.x, mine); // surplus lanes repeat the first strip: weightBlock needs all lanes
  let image = strip / strips / rows;
  let iy = strip / strips % rows * rowStep + parity;
  let column = strip % strips * 4u;
  // Rows and columns may wrap below zero, and so may the addresses.
  let left = column / STRIDE - select(0u, 1u, KERNEL == 3u && STRIDE == 1u);
  let group = workgroup.y * select(2u, 4u, SECOND == 1u);
  let corner = (image * dims.outHeight * dims.outWidth + left) * dims.outGroups;
  let rowSize = dims.outWidth * dims.outGroups;
  let weightSize = 4u * dims.outGroups; // of one ci group and tap

  var first: Tile;
  var second: Tile;
  if (SECOND == 2u) {
    for (var co = 0u; co < dims.outGroups; co++) {
      var oy = iy + KERNEL / 2u + 1u;
      var at = corner + oy * rowSize + co;
      var weightsAt = group * weightSize + co;
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
      let above = iy + KERNEL / 2u - ky; // -1 only where STRIDE is 1
      let oy = select(above, above / 2u, STRIDE == 2u);
      var at = corner + oy * rowSize;
      var weightsAt = (ky * KERNEL * dims.inGroups + group) * weightSize;
      for (var co = 0u; co < dims.outGroups; co++) {
        let g = gradientRow(at, oy, left);
        addRow(&first, &second, weightsAt, g, g);
        at += 1u;
        weightsAt += 1u;
      }
    }
  }

  if (mine) {
    let pixel = (image * dims.inHeight + iy) * dims.inWidth;
    storeTile(pixel, group, column, first);
    if (SECOND == 1u) {
      storeTile(pixel, group + 2u, column, second);
    } else if (SECOND == 2u && iy + 1u < dims.inHeight) {
      storeTile(pixel + dims.inWidth, group, column, second);
    }
  }
}
