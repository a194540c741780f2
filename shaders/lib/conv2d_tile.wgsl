// The core of conv2d_forward_tiled.wgsl and conv2d_input_gradient_tiled.wgsl: a workgroup's part of a product of
// matrices
//
//   sums[pixel, channel] = sum over taps t and their 4 channels c of sources[t, pixel, c] * factors[t, c, channel]
//
// The workgroup computes TILE_PIXELS by TILE_CHANNELS sums. It walks along the taps in slabs: all threads fill
// `sources` and `factors`, wait, and each adds the slab to its own THREAD_ROWS pixels by 8 channels
// (lib/tile_sums.wgsl). Thread (column, row) has the pixels row, row + R, row + 2 R, ... and the channel groups
// column and column + C (R rows and C columns of threads), so that neighbours read neighbouring words, or the same
// one.
//
// Each sum takes its terms one by one, in the order of the taps and of the channels in them. That is the order of the
// kernels without tiles, so both give the same bits.
//
// A slab costs a thread THREAD_ROWS + 8 reads of workgroup memory for 8 * THREAD_ROWS vec4f multiply-adds a tap. The
// appending kernel gives the constants KERNEL and GROUPS: at most KERNEL * GROUPS taps are in a slab.

// needs: lib/conv2d
// needs: lib/tile_sums

override TILE_PIXELS: u32; // a multiple of THREAD_ROWS
override TILE_CHANNELS: u32; // a multiple of 8
override ROWS: u32 = TILE_PIXELS / THREAD_ROWS;
override COLUMNS: u32 = TILE_CHANNELS / 8u;
override THREADS: u32 = ROWS * COLUMNS;
// Lengths have names: naga 29 panics where overrides stand behind an array whose length is an expression of others.
override SOURCES: u32 = KERNEL * GROUPS * TILE_PIXELS;
override FACTORS: u32 = KERNEL * GROUPS * TILE_CHANNELS;

var<workgroup> sources: array<vec4f, SOURCES>; // [tap, pixel], vec4f over c
var<workgroup> factors: array<vec4f, FACTORS>; // [tap, c, channel group], vec4f over channels

// Adds one c of a tap, whose factors for the thread's first group are at `at`: x of pixels 0 to 3, z of 4 to 7.
fn addChannel(tile: ptr<function, Tile>, at: u32, x: vec4f, z: vec4f) {
  addOuter(tile, x, z, factors[at], factors[at + COLUMNS]);
}

// Adds the `taps` taps of the slab to the sums of the thread in this row and column.
fn addSlab(tile: ptr<function, Tile>, taps: u32, row: u32, column: u32) {
  for (var t = 0u; t < taps; t++) {
    let first = t * TILE_PIXELS + row;
    let x0 = sources[first];
    let x1 = sources[first + ROWS];
    let x2 = sources[first + 2u * ROWS];
    let x3 = sources[first + 3u * ROWS];
    var x4: vec4f;
    var x5: vec4f;
    var x6: vec4f;
    var x7: vec4f;
    if (THREAD_ROWS == 8u) {
      x4 = sources[first + 4u * ROWS];
      x5 = sources[first + 5u * ROWS];
      x6 = sources[first + 6u * ROWS];
      x7 = sources[first + 7u * ROWS];
    }
    let at = t * TILE_CHANNELS + column;
    addChannel(tile, at, vec4f(x0.x, x1.x, x2.x, x3.x), vec4f(x4.x, x5.x, x6.x, x7.x));
    addChannel(tile, at + TILE_CHANNELS / 4u, vec4f(x0.y, x1.y, x2.y, x3.y), vec4f(x4.y, x5.y, x6.y, x7.y));
    addChannel(tile, at + TILE_CHANNELS / 2u, vec4f(x0.z, x1.z, x2.z, x3.z), vec4f(x4.z, x5.z, x6.z, x7.z));
    addChannel(tile, at + TILE_CHANNELS / 4u * 3u, vec4f(x0.w, x1.w, x2.w, x3.w), vec4f(x4.w, x5.w, x6.w, x7.w));
  }
}

// Hands the sums of one of the thread's pixels and both its groups to the kernel, which knows where they go.
fn storeTile(tile: Tile, row: u32, column: u32, group: u32) {
  storePixel(row, group + column, tile.a0, tile.b0);
  storePixel(row + ROWS, group + column, tile.a1, tile.b1);
  storePixel(row + 2u * ROWS, group + column, tile.a2, tile.b2);
  storePixel(row + 3u * ROWS, group + column, tile.a3, tile.b3);
  if (THREAD_ROWS == 8u) {
    storePixel(row + 4u * ROWS, group + column, tile.a4, tile.b4);
    storePixel(row + 5u * ROWS, group + column, tile.a5, tile.b5);
    storePixel(row + 6u * ROWS, group + column, tile.a6, tile.b6);
    storePixel(row + 7u * ROWS, group + column, tile.a7, tile.b7);
  }
}
