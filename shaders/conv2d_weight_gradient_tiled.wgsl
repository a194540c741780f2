// Gradient of a convolution with respect to its weights in tiles of workgroup memory, for GPUs: partial sums
//
//   partials[chunk, ky, kx, ci, co] = sum over the strips of `chunk`, their rows oy and columns ox of
//                                    x[n, oy * S + ky - P, ox * S + kx - P, ci] * gy[n, oy, ox, co]
//
// with S, K and P of lib/conv2d.wgsl, and x = 0 outside the image. Strips (four columns
// of gy over the height of one image) and chunks are those of conv2d_weight_gradient.wgsl, and so is the order of the
// sum, the last index fastest: it gives the same bits. conv2d_weight_gradient_reduce.wgsl adds the chunks.
//
//   x        f32 or f16 [batch, inHeight, inWidth, 4 * inGroups]  read as vec4f over ci
//   gy       f32 [batch, outHeight, outWidth, 4 * outGroups]      read as vec4f over co
//   partials  f32 [chunks, K, K, 4 * inGroups, 4 * outGroups]      written as vec4f over co
//
// Of one tap (workgroup z: chunk * K * K + tap) it is the product of a matrix of input channels by pixels with one of
// pixels by output channels. A workgroup computes TILE_INPUTS (y) by TILE_OUTPUTS (x) sums in slabs of ROWS_OF_SLAB
// rows of a strip: all threads fill `inputs` and `gradients`, wait, and each adds the slab to its THREAD_ROWS by 8
// sums (lib/tile_sums.wgsl): 4 reads of workgroup memory for 16 vec4f multiply-adds a pixel (THREAD_ROWS 8).
//
// Channels that tiles do not divide: the surplus is filled with zeros, and not stored. Rows and columns beyond gy are
// zeros there, and whatever x holds beside them is replaced by zeros as well.

// needs: lib/conv2d
// needs: lib/tile_sums
// needs: lib/storage_f32 or lib/storage_f16

override TILE_INPUTS: u32;
override TILE_OUTPUTS: u32; // a multiple of 8
override ROWS_OF_SLAB: u32 = 4u;
override PIXELS: u32 = 4u * ROWS_OF_SLAB; // in a slab
override IN_GROUPS: u32 = TILE_INPUTS / 4u;
override OUT_GROUPS: u32 = TILE_OUTPUTS / 4u;
override ROWS: u32 = TILE_INPUTS / THREAD_ROWS; // of threads
override COLUMNS: u32 = TILE_OUTPUTS / 8u;
override THREADS: u32 = ROWS * COLUMNS;
// Lengths have names: naga 29 panics where overrides stand behind an array whose length is an expression of others.
override INPUTS: u32 = PIXELS * IN_GROUPS;
override GRADIENTS: u32 = PIXELS * OUT_GROUPS;

@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> gy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;

var<workgroup> inputs: array<vec4f, INPUTS>; // [pixel, ci group]
var<workgroup> gradients: array<vec4f, GRADIENTS>; // [pixel, co group]

// Rows from oy on, columns from `column` on, of one image; rows and columns of x may wrap below zero.
fn loadSlab(image: u32, oy: u32, column: u32, tap: vec2u, firstIn: u32, firstOut: u32, local: u32) {
  for (var i = local; i < INPUTS; i += THREADS) {
    let group = firstIn + i % IN_GROUPS;
    let row = oy + i / IN_GROUPS / 4u;
    let ox = column + i / IN_GROUPS % 4u;
    let iy = row * STRIDE + tap.y - KERNEL / 2u;
    let ix = ox * STRIDE + tap.x - KERNEL / 2u;
    let there = row < dims.outHeight && ox < dims.outWidth && group < dims.inGroups;
    let inside = there && iy < dims.inHeight && ix < dims.inWidth;
    let at = ((image * dims.inHeight + iy) * dims.inWidth + ix) * dims.inGroups + group;
    inputs[i] = select(vec4f(), widen(x[select(0u, at, inside)]), inside);
  }
  for (var i = local; i < GRADIENTS; i += THREADS) {
    let group = firstOut + i % OUT_GROUPS;
    let row = oy + i / OUT_GROUPS / 4u;
    let ox = column + i / OUT_GROUPS % 4u;
    let inside = row < dims.outHeight && ox < dims.outWidth && group < dims.outGroups;
    let at = ((image * dims.outHeight + row) * dims.outWidth + ox) * dims.outGroups + group;
    gradients[i] = select(vec4f(), gy[select(0u, at, inside)], inside);
  }
}

fn addSlab(tile: ptr<function, Tile>, row: u32, column: u32) {
  for (var pixel = 0u; pixel < PIXELS; pixel++) {
    let x = inputs[pixel * IN_GROUPS + row];
    let a = gradients[pixel * OUT_GROUPS + column];
    let b = gradients[pixel * OUT_GROUPS + column + COLUMNS];
    var z: vec4f;
    if (THREAD_ROWS == 8u) {
      z = inputs[pixel * IN_GROUPS + row + ROWS];
    }
    addOuter(tile, x, z, a, b);
  }
}

// Four input channels of one input group, both output groups.
fn store(first: u32, inGroup: u32, outGroup: u32, a: mat4x4f, b: mat4x4f) {
  if (inGroup >= dims.inGroups) {
    return;
  }
  let at = first + inGroup * 4u * dims.outGroups + outGroup;
  if (outGroup < dims.outGroups) {
    partials[at] = a[0];
    partials[at + dims.outGroups] = a[1];
    partials[at + 2u * dims.outGroups] = a[2];
    partials[at + 3u * dims.outGroups] = a[3];
  }
  if (outGroup + COLUMNS < dims.outGroups) {
    partials[at + COLUMNS] = b[0];
    partials[at + COLUMNS + dims.outGroups] = b[1];
    partials[at + COLUMNS + 2u * dims.outGroups] = b[2];
    partials[at + COLUMNS + 3u * dims.outGroups] = b[3];
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let firstOut = workgroup.x * OUT_GROUPS;
  let firstIn = workgroup.y * IN_GROUPS;
  let chunk = workgroup.z / (KERNEL * KERNEL);
  let tap = vec2u(workgroup.z % KERNEL, workgroup.z / KERNEL % KERNEL);
  let row = local / COLUMNS;
  let column = local % COLUMNS;
  let stripsPerRow = (dims.outWidth + 3u) / 4u;
  let end = min((chunk + 1u) * dims.stripsPerChunk, dims.batch * stripsPerRow);
  var tile: Tile;
  for (var strip = chunk * dims.stripsPerChunk; strip < end; strip++) {
    for (var oy = 0u; oy < dims.outHeight; oy += ROWS_OF_SLAB) {
      loadSlab(strip / stripsPerRow, oy, strip % stripsPerRow * 4u, tap, firstIn, firstOut, local);
      workgroupBarrier();
      addSlab(&tile, row, column);
      workgroupBarrier();
    }
  }
  let first = workgroup.z * 4u * dims.inGroups * dims.outGroups;
  let outGroup = firstOut + column;
  let a = mat4x4f(tile.a0, tile.a1, tile.a2, tile.a3);
  let b = mat4x4f(tile.b0, tile.b1, tile.b2, tile.b3);
  store(first, firstIn + row, outGroup, a, b);
  if (THREAD_ROWS == 8u) {
    let c = mat4x4f(tile.a4, tile.a5, tile.a6, tile.a7);
    let d = mat4x4f(tile.b4, tile.b5, tile.b6, tile.b7);
    store(first, firstIn + row + ROWS, outGroup, c, d);
  }
}
