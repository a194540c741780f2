// Forward convolution
//
//   y[n, oy, ox, co] = sum over ky, kx, ci of x[n, oy * S + ky - P, ox * S + kx - P, ci] * w[ky, kx, ci, co]
//
// with S = STRIDE (1 or 2), K = KERNEL (1 or 3), P = (K - 1) / 2, and x = 0 outside the image.
//
//   x  f32 [batch, inHeight, inWidth, 4 * inGroups]          read as vec4f over ci
//   w  f32 [K, K, 4 * inGroups, 4 * outGroups]               read as vec4f over co
//   y  f32 [batch, outHeight, outWidth, 4 * outGroups]       written as vec4f over co
//
// Channels beyond the true ones are zero in x and w, and therefore in y.
//
// A thread computes a strip of 4 outputs adjacent in ox for BLOCKS * 2 groups of 4 output channels; the lanes
// of a workgroup (x) run over strips, ordered (n, oy, strip), and workgroup y chooses the output channels. So
// the KERNEL taps of a row share their loads of x, and every lane of a workgroup needs the same weights at the
// same time: `weightBlock` (conv2d_weights_*.wgsl, appended by the loader) gives 4 input channels by 2 groups of
// output channels as two matrices. Loads are the cost (one is worth about ten vec4f multiply-adds on a CPU
// adapter); a step of the inner loop needs 6 loads of x and 3 * BLOCKS weight blocks for 96 * BLOCKS of them.
//
// Group counts that BLOCKS * 2 does not divide, and widths that 4 does not: the surplus is computed from
// whatever is read there, and not stored.

override KERNEL: u32 = 3u;
override STRIDE: u32 = 1u;
override BLOCKS: u32 = 1u; // 1 or 2

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
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

struct Tile { // [output channel group][output pixel]
  a0: vec4f, a1: vec4f, a2: vec4f, a3: vec4f,
  b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f,
  c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f,
  d0: vec4f, d1: vec4f, d2: vec4f, d3: vec4f,
}

// Adds one tap: inputs x0 to x3 of the four pixels times the weights at `row` (4 input channels).
fn addTap(tile: ptr<function, Tile>, row: u32, x0: vec4f, x1: vec4f, x2: vec4f, x3: vec4f) {
  let m = weightBlock(row, dims.outGroups, 1u);
  (*tile).a0 += m.first * x0;
  (*tile).a1 += m.first * x1;
  (*tile).a2 += m.first * x2;
  (*tile).a3 += m.first * x3;
  (*tile).b0 += m.second * x0;
  (*tile).b1 += m.second * x1;
  (*tile).b2 += m.second * x2;
  (*tile).b3 += m.second * x3;
  if (BLOCKS > 1u) {
    let m = weightBlock(row + 2u, dims.outGroups, 1u);
    (*tile).c0 += m.first * x0;
    (*tile).c1 += m.first * x1;
    (*tile).c2 += m.first * x2;
    (*tile).c3 += m.first * x3;
    (*tile).d0 += m.second * x0;
    (*tile).d1 += m.second * x1;
    (*tile).d2 += m.second * x2;
    (*tile).d3 += m.second * x3;
  }
}

// The input at column `column` of the row that starts at `row`, zero outside the image.
fn inputAt(row: u32, column: i32, rowInside: bool) -> vec4f {
  let inside = rowInside && column >= 0 && column < i32(dims.inWidth);
  let value = x[row + u32(select(0, column, inside)) * dims.inGroups];
  return select(vec4f(), value, inside);
}

fn store(pixel: u32, group: u32, column: u32, value: vec4f) {
  if (column < dims.outWidth && group < dims.outGroups) {
    y[(pixel + column) * dims.outGroups + group] = value;
  }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
  prepareWeights();
  let strips = (dims.outWidth + 3u) / 4u;
  let rows = dims.batch * dims.outHeight;
  let mine = id.x < rows * strips;
  let strip = select(0u, id.x, mine); // surplus lanes repeat the first strip: weightBlock needs all lanes
  let outRow = strip / strips;
  let column = strip % strips * 4u;
  let image = outRow / dims.outHeight;
  let top = i32(outRow % dims.outHeight * STRIDE) - i32(KERNEL / 2u);
  let left = i32(column * STRIDE) - i32(KERNEL / 2u);
  let group = workgroup.y * BLOCKS * 2u;

  var tile: Tile;
  var row = group; // [ky, 0, ci, group]
  let rowSize = 4u * dims.outGroups;
  let tapSize = rowSize * dims.inGroups;
  for (var ky = 0u; ky < KERNEL; ky++) {
    let iy = top + i32(ky);
    let inside = iy >= 0 && iy < i32(dims.inHeight);
    var at = (image * dims.inHeight + u32(select(0, iy, inside))) * dims.inWidth * dims.inGroups;
    for (var ci = 0u; ci < dims.inGroups; ci++) {
      let x0 = inputAt(at, left, inside);
      let x2 = inputAt(at, left + 2, inside);
      if (KERNEL == 1u && STRIDE == 2u) {
        addTap(&tile, row, x0, x2, inputAt(at, left + 4, inside), inputAt(at, left + 6, inside));
      } else {
        let x1 = inputAt(at, left + 1, inside);
        let x3 = inputAt(at, left + 3, inside);
        if (KERNEL == 1u) {
          addTap(&tile, row, x0, x1, x2, x3);
        } else {
          let x4 = inputAt(at, left + 4, inside);
          let x5 = inputAt(at, left + 5, inside);
          if (STRIDE == 1u) {
            addTap(&tile, row, x0, x1, x2, x3);
            addTap(&tile, row + tapSize, x1, x2, x3, x4);
            addTap(&tile, row + 2u * tapSize, x2, x3, x4, x5);
          } else {
            let x6 = inputAt(at, left + 6, inside);
            let x7 = inputAt(at, left + 7, inside);
            let x8 = inputAt(at, left + 8, inside);
            addTap(&tile, row, x0, x2, x4, x6);
            addTap(&tile, row + tapSize, x1, x3, x5, x7);
            addTap(&tile, row + 2u * tapSize, x2, x4, x6, x8);
          }
        }
      }
      at += 1u;
      row += rowSize;
    }
    row += (KERNEL - 1u) * tapSize;
  }

  if (mine) {
    let pixel = outRow * dims.outWidth;
    store(pixel, group, column, tile.a0);
    store(pixel, group, column + 1u, tile.a1);
    store(pixel, group, column + 2u, tile.a2);
    store(pixel, group, column + 3u, tile.a3);
    store(pixel, group + 1u, column, tile.b0);
    store(pixel, group + 1u, column + 1u, tile.b1);
    store(pixel, group + 1u, column + 2u, tile.b2);
    store(pixel, group + 1u, column + 3u, tile.b3);
    if (BLOCKS > 1u) {
      store(pixel, group + 2u, column, tile.c0);
      store(pixel, group + 2u, column + 1u, tile.c1);
      store(pixel, group + 2u, column + 2u, tile.c2);
      store(pixel, group + 2u, column + 3u, tile.c3);
      store(pixel, group + 3u, column, tile.d0);
      store(pixel, group + 3u, column + 1u, tile.d1);
      store(pixel, group + 3u, column + 2u, tile.d2);
      store(pixel, group + 3u, column + 3u, tile.d3);
    }
  }
}
