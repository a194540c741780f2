// Forward convolution in tiles of workgroup memory, for GPUs
//
//   y[n, oy, ox, co] = sum over ky, ci group, kx, c of x[n, oy * S + ky - P, ox * S + kx - P, ci] * w[ky, kx, ci, co]
//
// with ci = 4 * (ci group) + c, S = STRIDE (1 or 2), K = KERNEL (1 or 3), P = (K - 1) / 2, and x = 0 outside the
// image; the sum runs in this order, the last index fastest, as in conv2d_forward.wgsl, whose bits it gives.
//
//   x  f32 or f16 [batch, inHeight, inWidth, 4 * inGroups]      read as vec4f over ci
//   w  f32 [K, K, 4 * inGroups, 4 * outGroups]                  read as vec4f over co
//   y  f32 or f16 [batch, outHeight, outWidth, 4 * outGroups]   written as vec4f over co
//
// It is the product of a matrix of pixels (n, oy, ox) by taps with one of taps by channels (lib/conv2d_tile.wgsl),
// whose first factor is never built: a slab holds for the pixels of the tile the columns kx of one row ky, GROUPS
// groups of input channels of each. Workgroup x chooses the pixels, y the output channels.
//
// Pixels and channels that tiles do not divide: the surplus is filled with zeros, and not stored.

// needs: lib/conv2d_tile
// needs: lib/storage_f32 or lib/storage_f16

override GROUPS: u32; // divides inGroups

@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Stored>;

struct Corner { // where the first tap of a pixel meets x: rows and columns, and so the address, may wrap below zero
  row: u32,
  column: u32,
  at: u32,
}

var<workgroup> corners: array<Corner, TILE_PIXELS>;
var<private> firstPixel: u32;

fn cornerOf(pixel: u32) -> Corner {
  let image = pixel / dims.outWidth / dims.outHeight;
  let row = pixel / dims.outWidth % dims.outHeight * STRIDE - KERNEL / 2u;
  let column = pixel % dims.outWidth * STRIDE - KERNEL / 2u;
  let at = ((image * dims.inHeight + row) * dims.inWidth + column) * dims.inGroups;
  // Surplus pixels lie far outside.
  return Corner(select(0x80000000u, row, image < dims.batch), column, at);
}

// The slab of row ky and GROUPS groups from `group` on.
fn loadSources(ky: u32, group: u32, local: u32) {
  for (var i = local; i < SOURCES; i += THREADS) {
    let g = i % GROUPS; // neighbouring threads read neighbouring groups
    let p = i / GROUPS % TILE_PIXELS;
    let kx = i / GROUPS / TILE_PIXELS;
    let corner = corners[p];
    let inside = corner.row + ky < dims.inHeight && corner.column + kx < dims.inWidth;
    let at = corner.at + (ky * dims.inWidth + kx) * dims.inGroups + group + g;
    sources[(g * KERNEL + kx) * TILE_PIXELS + p] = select(vec4f(), widen(x[select(0u, at, inside)]), inside);
  }
}

fn loadFactors(ky: u32, group: u32, firstGroup: u32, local: u32) {
  for (var i = local; i < FACTORS; i += THREADS) {
    let out = firstGroup + i % (TILE_CHANNELS / 4u);
    let c = i / (TILE_CHANNELS / 4u) % 4u;
    let tap = i / TILE_CHANNELS;
    let input = 4u * (group + tap / KERNEL) + c;
    let at = ((ky * KERNEL + tap % KERNEL) * 4u * dims.inGroups + input) * dims.outGroups + out;
    let inside = out < dims.outGroups;
    factors[i] = select(vec4f(), weight[select(0u, at, inside)], inside);
  }
}

fn storePixel(p: u32, group: u32, a: vec4f, b: vec4f) {
  let pixel = firstPixel + p;
  if (pixel < dims.batch * dims.outHeight * dims.outWidth) {
    if (group < dims.outGroups) {
      y[pixel * dims.outGroups + group] = narrow(a);
    }
    if (group + COLUMNS < dims.outGroups) {
      y[pixel * dims.outGroups + group + COLUMNS] = narrow(b);
    }
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  firstPixel = workgroup.x * TILE_PIXELS;
  let firstGroup = workgroup.y * (TILE_CHANNELS / 4u);
  let row = local / COLUMNS;
  let column = local % COLUMNS;
  for (var p = local; p < TILE_PIXELS; p += THREADS) {
    corners[p] = cornerOf(firstPixel + p);
  }
  workgroupBarrier();
  var tile: Tile;
  for (var ky = 0u; ky < KERNEL; ky++) {
    for (var group = 0u; group < dims.inGroups; group += GROUPS) {
      loadSources(ky, group, local);
      loadFactors(ky, group, firstGroup, local);
      workgroupBarrier();
      addSlab(&tile, KERNEL * GROUPS, row, column);
      workgroupBarrier();
    }
  }
  storeTile(tile, row, column, firstGroup);
}
