// Gradient of a convolution with respect to its input in tiles of workgroup memory, for GPUs
//
//   gx[n, iy, ix, ci] = sum over ky, co group, kx, c of gy[n, oy, ox, co] * w[ky, kx, ci, co]
//                      (+ addend[n, iy, ix, ci])
//
// with co = 4 * (co group) + c, over those (ky, kx) for which oy = (iy + P - ky) / S and ox = (ix + P - kx) / S are
// whole numbers inside the output, S = STRIDE (1 or 2), K = KERNEL (1 or 3), P = (K - 1) / 2; the sum runs in this
// order, the last index fastest, as in conv2d_input_gradient.wgsl, whose bits it gives.
//
//   gy      f32 [batch, outHeight, outWidth, 4 * outGroups]     read as vec4f over co
//   w       f32 [K, K, 4 * inGroups, 4 * outGroups]             read as vec4f over co
//   addend  f32 [batch, inHeight, inWidth, 4 * inGroups]        read where `accumulate` is 1; else bind anything
//   gx      f32 [batch, inHeight, inWidth, 4 * inGroups]        written as vec4f over ci
//
// It is the product of a matrix of pixels by taps with one of taps by channels (lib/conv2d_tile.wgsl): a slab holds
// for the pixels of the tile the columns that meet one row ky, GROUPS groups of output channels of each. Workgroup x
// chooses the pixels, y the input channels, z the parity of (iy, ix) where STRIDE is 2: of each parity the pixels are
// a grid of their own, whose taps are every second one: ky = 1 where iy is even, 0 and 2 where it is odd, and kx
// likewise. So no thread multiplies by an inserted zero. Of a 1x1 kernel with stride 2 only the even pixels have a
// tap.
//
// Pixels and channels that tiles do not divide: the surplus is filled with zeros, and not stored.

// needs: lib/conv2d_tile
// needs: lib/conv2d_addend

override GROUPS: u32; // divides outGroups

@group(0) @binding(1) var<storage, read> gy: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> addend: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> gx: array<vec4f>;

// Where the first tap of a pixel meets gy; further taps lie above and left of it, and may wrap below zero.
struct Corner {
  row: u32,
  column: u32,
  at: u32,
  place: u32, // the pixel's place in gx
}

var<workgroup> corners: array<Corner, TILE_PIXELS>;

const outside = 0x80000000u; // a row that no tap brings back to the image

fn cornerOf(pixel: u32, parity: vec2u, firstTap: vec2u) -> Corner {
  let width = (dims.inWidth + STRIDE - 1u - parity.x) / STRIDE;
  let height = (dims.inHeight + STRIDE - 1u - parity.y) / STRIDE;
  let image = pixel / max(width, 1u) / max(height, 1u);
  let iy = pixel / max(width, 1u) % max(height, 1u) * STRIDE + parity.y;
  let ix = pixel % max(width, 1u) * STRIDE + parity.x;
  let row = (iy + KERNEL / 2u - firstTap.y) / STRIDE;
  let column = (ix + KERNEL / 2u - firstTap.x) / STRIDE;
  let at = ((image * dims.outHeight + row) * dims.outWidth + column) * dims.outGroups;
  let there = image < dims.batch && width * height > 0u;
  let place = (image * dims.inHeight + iy) * dims.inWidth + ix;
  return Corner(select(outside, row, there), column, at, place);
}

// The slab of the tap row `step` steps from the first and of GROUPS groups from `group` on; `taps` of its columns
// count.
fn loadSources(step: u32, group: u32, taps: u32, local: u32) {
  for (var i = local; i < taps * GROUPS * TILE_PIXELS; i += THREADS) {
    let g = i % GROUPS; // neighbouring threads read neighbouring groups
    let p = i / GROUPS % TILE_PIXELS;
    let t = i / GROUPS / TILE_PIXELS;
    let corner = corners[p];
    let inside = corner.row - step < dims.outHeight && corner.column - t < dims.outWidth;
    let at = corner.at - (step * dims.outWidth + t) * dims.outGroups + group + g;
    sources[(g * taps + t) * TILE_PIXELS + p] = select(vec4f(), gy[select(0u, at, inside)], inside);
  }
}

// w[ky, kx, ci, 4 co] for 4 ci as a matrix: it comes with columns over co, and goes as columns over ci.
fn loadFactors(ky: u32, firstKx: u32, group: u32, taps: u32, firstGroup: u32, local: u32) {
  for (var i = local; i < taps * GROUPS * (TILE_CHANNELS / 4u); i += THREADS) {
    let g = i % GROUPS;
    let n = i / GROUPS % (TILE_CHANNELS / 4u);
    let t = i / GROUPS / (TILE_CHANNELS / 4u);
    let kx = firstKx + t * STRIDE;
    let inside = firstGroup + n < dims.inGroups;
    let first = ((ky * KERNEL + kx) * dims.inGroups + firstGroup + n) * 4u * dims.outGroups + group + g;
    let at = select(0u, first, inside);
    let step = select(0u, dims.outGroups, inside);
    let m = transpose(mat4x4f(weight[at], weight[at + step], weight[at + 2u * step], weight[at + 3u * step]));
    let to = (g * taps + t) * TILE_CHANNELS + n;
    factors[to] = select(vec4f(), m[0], inside);
    factors[to + TILE_CHANNELS / 4u] = select(vec4f(), m[1], inside);
    factors[to + TILE_CHANNELS / 2u] = select(vec4f(), m[2], inside);
    factors[to + TILE_CHANNELS / 4u * 3u] = select(vec4f(), m[3], inside);
  }
}

fn storePixel(p: u32, group: u32, a: vec4f, b: vec4f) {
  let corner = corners[p];
  if (corner.row != outside) {
    if (group < dims.inGroups) {
      writeResult(corner.place * dims.inGroups + group, a);
    }
    if (group + COLUMNS < dims.inGroups) {
      writeResult(corner.place * dims.inGroups + group + COLUMNS, b);
    }
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let parity = vec2u(workgroup.z % STRIDE, workgroup.z / STRIDE);
  // Of both axes: the first tap that meets this parity, and how many do.
  let firstTap = (parity + KERNEL / 2u) % STRIDE;
  let taps = (KERNEL + STRIDE - 1u - firstTap) / STRIDE;
  let firstGroup = workgroup.y * (TILE_CHANNELS / 4u);
  let row = local / COLUMNS;
  let column = local % COLUMNS;
  for (var p = local; p < TILE_PIXELS; p += THREADS) {
    corners[p] = cornerOf(workgroup.x * TILE_PIXELS + p, parity, firstTap);
  }
  workgroupBarrier();
  var tile: Tile;
  for (var step = 0u; step < taps.y; step++) {
    for (var group = 0u; group < dims.outGroups; group += GROUPS) {
      loadSources(step, group, taps.x, local);
      loadFactors(firstTap.y + step * STRIDE, firstTap.x, group, taps.x, firstGroup, local);
      workgroupBarrier();
      addSlab(&tile, taps.x * GROUPS, row, column);
      workgroupBarrier();
    }
  }
  storeTile(tile, row, column, firstGroup);
}
