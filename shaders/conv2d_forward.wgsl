// Forward convolution
//
//   y[n, oy, ox, co] = sum over ky, kx, ci of x[n, oy * S + ky - P, ox * S + kx - P, ci] * w[ky, kx, ci, co]
//
// with S = STRIDE (1 or 2), K = KERNEL (1 or 3), P = (K - 1) / 2, and x = 0 outside the image.
//
//   x  f32 or f16 [batch, inHeight, inWidth, 4 * inGroups]      read as vec4f over ci
//   w  f32 [K, K, 4 * inGroups, 4 * outGroups]                  read as vec4f over co
//   y  f32 or f16 [batch, outHeight, outWidth, 4 * outGroups]   written as vec4f over co
//
// Channels beyond the true ones are zero in x and w, and therefore in y.
//
// A thread computes a strip of 4 outputs adjacent in ox for 2 groups of 4 output channels, and SECOND says what
// else: 0 nothing, 1 the next 2 groups, 2 the same groups of the next row (STRIDE 1 only). The lanes of a workgroup
// (x) run over strips, ordered (n, oy, strip), and workgroup y chooses the output channels. So the taps of a row
// share their loads of x, and all lanes of a workgroup need the same weights at the same time: `weightBlock`
// (lib/conv2d_weights_*.wgsl) gives 4 input channels by 2 output groups as two matrices.
//
// Loads are the cost (on a CPU adapter one is worth about eleven vec4f multiply-adds): 3x3 kernels take 18 loads of
// x and 18 weight blocks for 576 multiply-adds with SECOND = 1, 24 and 9 with SECOND = 2. Twice as many sums per
// thread need fewer loads still, but were slower: the loop no longer fits the instruction cache.
//
// Group counts, widths and heights that tiles do not divide: the surplus is computed from whatever is read
// there, and not stored.

// needs: lib/conv2d_weights_plain or lib/conv2d_weights_subgroup
// needs: lib/multiply_add
// needs: lib/storage_f32 or lib/storage_f16

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
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Stored>;

struct Tile { // two groups of output channels, a and b, by four pixels
  a0: vec4f, a1: vec4f, a2: vec4f, a3: vec4f,
  b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f,
}

struct Row { // the columns of x that four outputs meet: 6 of them for STRIDE 1, 9 for STRIDE 2
  c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f, c4: vec4f, c5: vec4f, c6: vec4f, c7: vec4f, c8: vec4f,
}

// x[at], which is column `column` of a row, zero outside the image. Negative columns wrap to large ones.
fn inputAt(at: u32, column: u32, rowInside: bool) -> vec4f {
  let inside = rowInside && column < dims.inWidth;
  return select(vec4f(), widen(x[select(0u, at, inside)]), inside);
}

// The row iy whose column `left` is at x[at].
fn inputRow(at: u32, iy: u32, left: u32) -> Row {
  let inside = iy < dims.inHeight;
  let step = dims.inGroups;
  var row: Row;
  row.c1 = inputAt(at + step, left + 1u, inside);
  row.c2 = inputAt(at + 2u * step, left + 2u, inside);
  row.c3 = inputAt(at + 3u * step, left + 3u, inside);
  row.c4 = inputAt(at + 4u * step, left + 4u, inside);
  if (STRIDE == 2u) {
    row.c5 = inputAt(at + 5u * step, left + 5u, inside);
    row.c6 = inputAt(at + 6u * step, left + 6u, inside);
    row.c7 = inputAt(at + 7u * step, left + 7u, inside);
    row.c8 = inputAt(at + 8u * step, left + 8u, inside);
  }
  if (EXCHANGE == 1u && KERNEL == 3u) {
    if (STRIDE == 1u) {
      row.c0 = select(vec4f(), ofLaneBefore(row.c4), left < dims.inWidth);
      row.c5 = select(vec4f(), ofLaneBehind(row.c1), left + 5u < dims.inWidth);
    } else {
      row.c0 = select(vec4f(), ofLaneBefore(row.c8), left < dims.inWidth);
    }
  } else {
    row.c0 = inputAt(at, left, inside);
    if (STRIDE == 1u) {
      row.c5 = inputAt(at + 5u * step, left + 5u, inside);
    }
  }
  return row;
}

fn addA(tile: ptr<function, Tile>, m: mat4x4f, x: mat4x4f) {
  (*tile).a0 = multiplyAdd(m, x[0], (*tile).a0);
  (*tile).a1 = multiplyAdd(m, x[1], (*tile).a1);
  (*tile).a2 = multiplyAdd(m, x[2], (*tile).a2);
  (*tile).a3 = multiplyAdd(m, x[3], (*tile).a3);
}

fn addB(tile: ptr<function, Tile>, m: mat4x4f, x: mat4x4f) {
  (*tile).b0 = multiplyAdd(m, x[0], (*tile).b0);
  (*tile).b1 = multiplyAdd(m, x[1], (*tile).b1);
  (*tile).b2 = multiplyAdd(m, x[2], (*tile).b2);
  (*tile).b3 = multiplyAdd(m, x[3], (*tile).b3);
}

// Adds the tap whose weights for the thread's channels begin at `at`; columns of x and next are the four pixels.
fn addTap(first: ptr<function, Tile>, second: ptr<function, Tile>, at: u32, x: mat4x4f, next: mat4x4f) {
  let m = weightBlock(at, dims.outGroups, 1u);
  addA(first, m.first, x);
  if (SECOND == 2u) {
    addA(second, m.first, next);
  }
  addB(first, m.second, x);
  if (SECOND == 2u) {
    addB(second, m.second, next);
  }
  if (SECOND == 1u) {
    let m = weightBlock(at + 2u, dims.outGroups, 1u);
    addA(second, m.first, x);
    addB(second, m.second, x);
  }
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
    addTap(first, second, at + 2u * tapSize, mat4x4f(x.c2, x.c3, x.c4, x.c5), mat4x4f(next.c2, next.c3, next.c4, next.c5));
  }
}

fn store(pixel: u32, group: u32, column: u32, value: vec4f) {
  if (column < dims.outWidth && group < dims.outGroups) {
    y[(pixel + column) * dims.outGroups + group] = narrow(value);
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
  let rowStep = select(1u, 2u, SECOND == 2u);
  let strips = (dims.outWidth + 3u) / 4u;
  let rows = (dims.outHeight + rowStep - 1u) / rowStep;
  let mine = id.x < dims.batch * rows * strips;
  let strip = select(0u, id.x, mine); // surplus lanes repeat the first strip: weightBlock needs all lanes
  let image = strip / strips / rows;
  let oy = strip / strips % rows * rowStep;
  let column = strip % strips * 4u;
  let top = oy * STRIDE - KERNEL / 2u; // may wrap below zero, and so may the addresses
  let left = column * STRIDE - KERNEL / 2u;
  let group = workgroup.y * select(2u, 4u, SECOND == 1u);
  let corner = ((image * dims.inHeight + top) * dims.inWidth + left) * dims.inGroups;
  let rowSize = dims.inWidth * dims.inGroups;
  let weightSize = 4u * dims.outGroups; // of one ci group and tap

  var first: Tile;
  var second: Tile;
  if (SECOND == 2u) {
    for (var ci = 0u; ci < dims.inGroups; ci++) {
      var at = corner + ci;
      var weightsAt = ci * weightSize + group;
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
      var weightsAt = ky * KERNEL * dims.inGroups * weightSize + group;
      for (var ci = 0u; ci < dims.inGroups; ci++) {
        let x = inputRow(at, top + ky, left);
        addRow(&first, &second, weightsAt, x, x);
        at += 1u;
        weightsAt += weightSize;
      }
    }
  }

  if (mine) {
    let pixel = (image * dims.outHeight + oy) * dims.outWidth;
    storeTile(pixel, group, column, first);
    if (SECOND == 1u) {
      storeTile(pixel, group + 2u, column, second);
    } else if (SECOND == 2u && oy + 1u < dims.outHeight) {
      storeTile(pixel + dims.outWidth, group, column, second);
    }
  }
}
