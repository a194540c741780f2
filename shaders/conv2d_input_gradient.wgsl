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
// A thread computes a strip of 4 gradients adjacent in ix for BLOCKS * 2 groups of 4 input channels; the lanes of
// a workgroup (x) run over strips, ordered (n, iy, strip), and workgroup y chooses the input channels, as in
// conv2d_forward.wgsl. The weights are read the way the forward pass reads them, 4 input channels by 4 output
// channels as a matrix of columns over co: there y += m * x, here gx += gy * m (a dot product per column).
//
// Stride 2 is split by parity, so that no thread multiplies by an inserted zero: workgroup z is the parity of iy,
// which leaves the rows ky = 1 (even iy) or ky = 0, 2 (odd iy); of the columns, even ix meet kx = 1 and odd ix
// meet kx = 0, 2. A 1x1 kernel with stride 2 reaches only even iy and ix; the others are zero or the addend.

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
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> gy: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>;
@group(0) @binding(3) var<storage, read> addend: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> gx: array<vec4f>;

struct Tile { // two groups of input channels, a and b, by four pixels
  a0: vec4f, a1: vec4f, a2: vec4f, a3: vec4f,
  b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f,
}

fn addEven(tile: ptr<function, Tile>, m: WeightBlock, g0: vec4f, g2: vec4f) {
  (*tile).a0 += g0 * m.first;
  (*tile).a2 += g2 * m.first;
  (*tile).b0 += g0 * m.second;
  (*tile).b2 += g2 * m.second;
}

fn addOdd(tile: ptr<function, Tile>, m: WeightBlock, g1: vec4f, g3: vec4f) {
  (*tile).a1 += g1 * m.first;
  (*tile).a3 += g3 * m.first;
  (*tile).b1 += g1 * m.second;
  (*tile).b3 += g3 * m.second;
}

// Columns over co: of `first` for the 4 input channels from `row` on, of `second` for the next 4.
fn weightsAt(row: u32) -> WeightBlock {
  return weightBlock(row, dims.outGroups, 4u * dims.outGroups);
}

// The next three add one tap; `row` is the place of w[ky, kx, first input channel of the thread, 4 co].
fn addEvenTap(first: ptr<function, Tile>, second: ptr<function, Tile>, row: u32, g0: vec4f, g2: vec4f) {
  addEven(first, weightsAt(row), g0, g2);
  if (BLOCKS > 1u) {
    addEven(second, weightsAt(row + 8u * dims.outGroups), g0, g2);
  }
}

fn addOddTap(first: ptr<function, Tile>, second: ptr<function, Tile>, row: u32, g1: vec4f, g3: vec4f) {
  addOdd(first, weightsAt(row), g1, g3);
  if (BLOCKS > 1u) {
    addOdd(second, weightsAt(row + 8u * dims.outGroups), g1, g3);
  }
}

fn addTap(
  first: ptr<function, Tile>,
  second: ptr<function, Tile>,
  row: u32,
  g0: vec4f,
  g1: vec4f,
  g2: vec4f,
  g3: vec4f,
) {
  let m = weightsAt(row);
  addEven(first, m, g0, g2);
  addOdd(first, m, g1, g3);
  if (BLOCKS > 1u) {
    let m = weightsAt(row + 8u * dims.outGroups);
    addEven(second, m, g0, g2);
    addOdd(second, m, g1, g3);
  }
}

// The output gradient at column `column` of the row that starts at `row`, zero outside the output.
fn gradientAt(row: u32, column: i32, rowInside: bool) -> vec4f {
  let inside = rowInside && column >= 0 && column < i32(dims.outWidth);
  let value = gy[row + u32(select(0, column, inside)) * dims.outGroups];
  return select(vec4f(), value, inside);
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
  let strips = (dims.inWidth + 3u) / 4u;
  let parity = workgroup.z; // 0 where STRIDE is 1
  let rows = (dims.inHeight + STRIDE - 1u - parity) / STRIDE; // rows of this parity in one image
  let mine = id.x < dims.batch * rows * strips;
  let strip = select(0u, id.x, mine); // surplus lanes repeat the first strip: weightBlock needs all lanes
  let image = strip / strips / rows;
  let inRow = strip / strips % rows * STRIDE + parity;
  let column = strip % strips * 4u;
  let left = i32(column / STRIDE) - select(0, 1, KERNEL == 3u && STRIDE == 1u);
  let group = workgroup.y * BLOCKS * 2u;

  var first: Tile;
  var second: Tile;
  let rowSize = 4u * dims.outGroups;
  let tapSize = rowSize * dims.inGroups;
  for (var ky = (parity + KERNEL / 2u) % STRIDE; ky < KERNEL; ky += STRIDE) {
    let oy = (i32(inRow + KERNEL / 2u) - i32(ky)) / i32(STRIDE);
    let inside = oy >= 0 && oy < i32(dims.outHeight);
    var at = (image * dims.outHeight + u32(select(0, oy, inside))) * dims.outWidth * dims.outGroups;
    var row = ky * KERNEL * tapSize + group * rowSize;
    for (var co = 0u; co < dims.outGroups; co++) {
      let g0 = gradientAt(at, left, inside);
      let g1 = gradientAt(at, left + 1, inside);
      if (KERNEL == 1u && STRIDE == 2u) {
        addEvenTap(&first, &second, row, g0, g1);
      } else {
        let g2 = gradientAt(at, left + 2, inside);
        if (STRIDE == 2u) {
          addOddTap(&first, &second, row, g1, g2);
          addEvenTap(&first, &second, row + tapSize, g0, g1);
          addOddTap(&first, &second, row + 2u * tapSize, g0, g1);
        } else {
          let g3 = gradientAt(at, left + 3, inside);
          if (KERNEL == 1u) {
            addTap(&first, &second, row, g0, g1, g2, g3);
          } else {
            let g4 = gradientAt(at, left + 4, inside);
            let g5 = gradientAt(at, left + 5, inside);
            addTap(&first, &second, row, g2, g3, g4, g5);
            addTap(&first, &second, row + tapSize, g1, g2, g3, g4);
            addTap(&first, &second, row + 2u * tapSize, g0, g1, g2, g3);
          }
        }
      }
      at += 1u;
      row += 1u;
    }
  }

  if (mine) {
    let pixel = (image * dims.inHeight + inRow) * dims.inWidth;
    storeTile(pixel, group, column, first);
    if (BLOCKS > 1u) {
      storeTile(pixel, group + 2u, column, second);
    }
  }
}
