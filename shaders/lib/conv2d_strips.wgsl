// Convolutions in strips, forwards and backwards. A thread computes a strip of 4 results adjacent in a row for 2
// groups of 4 channels, and SECOND says what else: 0 nothing, 1 the next 2 groups, 2 the same groups of the next row
// (STRIDE 1 only). The lanes of a workgroup (x) run over strips, ordered (image, row, strip), and workgroup y chooses
// the channels. So the taps of a row share their loads, and all lanes of a workgroup need the same weights at the same
// time: `weightBlock` (lib/conv2d_weights_*.wgsl) gives 4 input channels by 2 output groups as two matrices.
//
// Widths, heights and group counts that strips do not divide: the surplus is computed from whatever is read there, and
// not stored. The kernel has
//   fn sourceGrid() -> Grid, fn resultGrid() -> Grid   sizes of what is read, and of what is written
//   fn sourceAt(at: u32, column: u32, rowInside: bool) -> vec4f
//                                                      4 channels of what is read, in column `column` of a row; zero
//                                                      outside. Negative columns wrap to large ones
//   fn writeResult(at: u32, value: vec4f)
//   fn blockAt(at: u32, pair: u32) -> WeightBlock      factors of a tap whose weights begin at `at`, for 2 groups of
//                                                      results; `pair` 1: for the next 2

// needs: lib/conv2d
// needs: lib/conv2d_weights_plain or lib/conv2d_weights_subgroup
// needs: lib/multiply_add

override SECOND: u32;
override EXCHANGE: u32; // 1: neighbouring lanes hand each other the columns that both need

struct Grid {
  height: u32,
  width: u32,
  groups: u32,
}

struct Tile { // two groups of channels, a and b, by four pixels
  a0: vec4f, a1: vec4f, a2: vec4f, a3: vec4f,
  b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f,
}

struct Row { // the columns that four results meet: 6 for STRIDE 1; for STRIDE 2 forwards 9, backwards 3
  c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f, c4: vec4f, c5: vec4f, c6: vec4f, c7: vec4f, c8: vec4f,
}

struct Strip {
  image: u32,
  row: u32,
  column: u32, // the first of four
  group: u32, // the first of two, or of four
  mine: bool, // surplus lanes repeat the first strip, since weightBlock needs all lanes, and store nothing
}

// The strip of a thread: of every `rowStep`-th row from `firstRow` on.
fn stripOf(id: vec3u, workgroup: vec3u, rowStep: u32, firstRow: u32) -> Strip {
  let grid = resultGrid();
  let strips = (grid.width + 3u) / 4u;
  let rows = (grid.height + rowStep - 1u - firstRow) / rowStep;
  let mine = id.x < dims.batch * rows * strips;
  let strip = select(0u, id.x, mine);
  let row = strip / strips % rows * rowStep + firstRow;
  let group = workgroup.y * select(2u, 4u, SECOND == 1u);
  return Strip(strip / strips / rows, row, strip % strips * 4u, group, mine);
}

// The second to the fifth column of a row whose first, `left`, is at `at`.
fn loadMiddle(row: ptr<function, Row>, at: u32, left: u32, inside: bool) {
  let step = sourceGrid().groups;
  (*row).c1 = sourceAt(at + step, left + 1u, inside);
  (*row).c2 = sourceAt(at + 2u * step, left + 2u, inside);
  (*row).c3 = sourceAt(at + 3u * step, left + 3u, inside);
  (*row).c4 = sourceAt(at + 4u * step, left + 4u, inside);
}

// The first and the sixth as well, for STRIDE 1: behind loadMiddle.
fn loadEnds(row: ptr<function, Row>, at: u32, left: u32, inside: bool) {
  let grid = sourceGrid();
  if (EXCHANGE == 1u && KERNEL == 3u) {
    (*row).c0 = select(vec4f(), ofLaneBefore((*row).c4), left < grid.width);
    (*row).c5 = select(vec4f(), ofLaneBehind((*row).c1), left + 5u < grid.width);
  } else {
    (*row).c0 = sourceAt(at, left, inside);
    (*row).c5 = sourceAt(at + 5u * grid.groups, left + 5u, inside);
  }
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

// Adds the tap whose weights for the thread's channels begin at `at`; columns of x are the four pixels, of `next` those
// of the second row.
fn addTap(first: ptr<function, Tile>, second: ptr<function, Tile>, at: u32, x: mat4x4f, next: mat4x4f) {
  let m = blockAt(at, 0u);
  addA(first, m.first, x);
  if (SECOND == 2u) {
    addA(second, m.first, next);
  }
  addB(first, m.second, x);
  if (SECOND == 2u) {
    addB(second, m.second, next);
  }
  if (SECOND == 1u) {
    let m = blockAt(at, 1u);
    addA(second, m.first, x);
    addB(second, m.second, x);
  }
}

fn store(pixel: u32, group: u32, column: u32, value: vec4f) {
  let grid = resultGrid();
  if (column < grid.width && group < grid.groups) {
    writeResult((pixel + column) * grid.groups + group, value);
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

fn storeStrip(strip: Strip, first: Tile, second: Tile) {
  if (!strip.mine) {
    return;
  }
  let grid = resultGrid();
  let pixel = (strip.image * grid.height + strip.row) * grid.width;
  storeTile(pixel, strip.group, strip.column, first);
  if (SECOND == 1u) {
    storeTile(pixel, strip.group + 2u, strip.column, second);
  } else if (SECOND == 2u && strip.row + 1u < grid.height) {
    storeTile(pixel + grid.width, strip.group, strip.column, second);
  }
}
