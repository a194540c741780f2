//@ op: conv2d_forward
//@ workgroups: ceil(batch * outHeight * ceil(outWidth / 4) / 64), ceil(outGroups / 2)

// Step 3: besides, 8 neighbouring lanes of a subgroup, which need the same 8 weights, load one each and hand them round.
// For adapters with subgroups of 8 lanes or a multiple of 8. No lane may leave before the others, or take another way
// through the loops: surplus threads compute something, and write nothing.

override KERNEL: u32;
override STRIDE: u32;

struct Dims {
  batch: u32,
  inHeight: u32,
  inWidth: u32,
  inGroups: u32, // groups of 4 channels
  outHeight: u32,
  outWidth: u32,
  outGroups: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [batch, inHeight, inWidth, inGroups]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [K, K, 4 inGroups, outGroups]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [batch, outHeight, outWidth, outGroups]

// A row of x, which may lie outside of the image.
struct Row {
  start: u32,
  inside: bool,
}

// Column ix of a row of x, of one group of channels; 0 outside of the image.
fn column(row: Row, ix: u32, ci: u32) -> vec4f {
  let inside = row.inside && ix < dims.inWidth; // a negative ix has wrapped to a large one
  return select(vec4f(), x[select(0u, row.start + ix * dims.inGroups + ci, inside)], inside);
}

// 4 channels of 4 pixels.
struct Sums {
  a: vec4f,
  b: vec4f,
  c: vec4f,
  d: vec4f,
}

// sum + m * value, where the columns of m belong to the 4 input channels.
fn multiplyAdd(m: mat4x4f, value: vec4f, sum: vec4f) -> vec4f {
  return sum + m[0] * value.x + m[1] * value.y + m[2] * value.z + m[3] * value.w;
}

// One tap: four columns of x.
fn addTap(s: Sums, m: mat4x4f, p: vec4f, q: vec4f, r: vec4f, t: vec4f) -> Sums {
  return Sums(
    multiplyAdd(m, p, s.a),
    multiplyAdd(m, q, s.b),
    multiplyAdd(m, r, s.c),
    multiplyAdd(m, t, s.d),
  );
}

// The weights of a tap, of 4 input channels by two groups of output channels: a column for each input channel.
struct Weights {
  first: mat4x4f,
  second: mat4x4f,
}

fn weights(tap: u32, ci: u32, first: u32, second: u32, lane: u32) -> Weights {
  let own = lane % 8u;
  let group = select(first, second, own >= 4u);
  let w = weight[(tap * 4u * dims.inGroups + 4u * ci + own % 4u) * dims.outGroups + group];
  let base = lane - own;
  return Weights(
    mat4x4f(
      subgroupShuffle(w, base),
      subgroupShuffle(w, base + 1u),
      subgroupShuffle(w, base + 2u),
      subgroupShuffle(w, base + 3u),
    ),
    mat4x4f(
      subgroupShuffle(w, base + 4u),
      subgroupShuffle(w, base + 5u),
      subgroupShuffle(w, base + 6u),
      subgroupShuffle(w, base + 7u),
    ),
  );
}

fn store(at: u32, ox: u32, s: Sums) {
  y[at] = s.a;
  if (ox + 1u < dims.outWidth) {
    y[at + dims.outGroups] = s.b;
  }
  if (ox + 2u < dims.outWidth) {
    y[at + 2u * dims.outGroups] = s.c;
  }
  if (ox + 3u < dims.outWidth) {
    y[at + 3u * dims.outGroups] = s.d;
  }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let strips = (dims.outWidth + 3u) / 4u; // in a row
  let first = 2u * id.y; // groups of channels
  let second = min(first + 1u, dims.outGroups - 1u);
  let lane = subgroupExclusiveAdd(1u);
  let ox = id.x % strips * 4u;
  let oy = id.x / strips % dims.outHeight;
  let image = id.x / strips / dims.outHeight;
  var s = Sums();
  var t = Sums();
  for (var ky = 0u; ky < KERNEL; ky++) {
    let iy = oy * STRIDE + ky - KERNEL / 2u;
    let start = (image * dims.inHeight + iy) * dims.inWidth * dims.inGroups;
    let row = Row(start, image < dims.batch && iy < dims.inHeight);
    let tap = ky * KERNEL;
    for (var ci = 0u; ci < dims.inGroups; ci++) {
      let ix = ox * STRIDE - KERNEL / 2u;
      let c0 = column(row, ix, ci);
      let c1 = column(row, ix + 1u, ci);
      let c2 = column(row, ix + 2u, ci);
      let c3 = column(row, ix + 3u, ci);
      if (STRIDE == 1u) {
        let w0 = weights(tap, ci, first, second, lane);
        s = addTap(s, w0.first, c0, c1, c2, c3);
        t = addTap(t, w0.second, c0, c1, c2, c3);
        if (KERNEL == 3u) {
          let c4 = column(row, ix + 4u, ci);
          let c5 = column(row, ix + 5u, ci);
          let w1 = weights(tap + 1u, ci, first, second, lane);
          s = addTap(s, w1.first, c1, c2, c3, c4);
          t = addTap(t, w1.second, c1, c2, c3, c4);
          let w2 = weights(tap + 2u, ci, first, second, lane);
          s = addTap(s, w2.first, c2, c3, c4, c5);
          t = addTap(t, w2.second, c2, c3, c4, c5);
        }
      } else {
        let c4 = column(row, ix + 4u, ci);
        let c6 = column(row, ix + 6u, ci);
        let w0 = weights(tap, ci, first, second, lane);
        s = addTap(s, w0.first, c0, c2, c4, c6);
        t = addTap(t, w0.second, c0, c2, c4, c6);
        if (KERNEL == 3u) {
          let c5 = column(row, ix + 5u, ci);
          let c7 = column(row, ix + 7u, ci);
          let c8 = column(row, ix + 8u, ci);
          let w1 = weights(tap + 1u, ci, first, second, lane);
          s = addTap(s, w1.first, c1, c3, c5, c7);
          t = addTap(t, w1.second, c1, c3, c5, c7);
          let w2 = weights(tap + 2u, ci, first, second, lane);
          s = addTap(s, w2.first, c2, c4, c6, c8);
          t = addTap(t, w2.second, c2, c4, c6, c8);
        }
      }
    }
  }
  let at = ((image * dims.outHeight + oy) * dims.outWidth + ox) * dims.outGroups;
  if (image < dims.batch) {
    store(at + first, ox, s);
    store(at + second, ox, t);
  }
}
