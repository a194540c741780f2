//@ op: conv2d_forward
//@ workgroups: ceil(batch * outHeight * ceil(outWidth / 4) / 64), outGroups

// Step 2: besides, the columns of x that the three taps of a row meet are loaded once, where they were loaded for each
// tap: 6 of them in place of 12 where the stride is 1.

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

// Column ix of the row of x that begins at `row`, of one group of channels; 0 outside of it.
fn column(row: u32, ix: u32, ci: u32) -> vec4f {
  let inside = ix < dims.inWidth; // a negative ix has wrapped to a large one
  return select(vec4f(), x[select(0u, row + ix * dims.inGroups + ci, inside)], inside);
}

// sum + m * value, where the columns of m belong to the 4 input channels.
fn multiplyAdd(m: mat4x4f, value: vec4f, sum: vec4f) -> vec4f {
  return sum + m[0] * value.x + m[1] * value.y + m[2] * value.z + m[3] * value.w;
}

// The weights of a tap, of 4 input by 4 output channels: a column for each input channel.
fn matrix(tap: u32, ci: u32, group: u32) -> mat4x4f {
  let at = (tap * 4u * dims.inGroups + 4u * ci) * dims.outGroups + group;
  return mat4x4f(
    weight[at],
    weight[at + dims.outGroups],
    weight[at + 2u * dims.outGroups],
    weight[at + 3u * dims.outGroups],
  );
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let strips = (dims.outWidth + 3u) / 4u; // in a row
  let group = id.y;
  if (id.x >= dims.batch * dims.outHeight * strips) {
    return;
  }
  let ox = id.x % strips * 4u;
  let oy = id.x / strips % dims.outHeight;
  let image = id.x / strips / dims.outHeight;
  var a = vec4f();
  var b = vec4f();
  var c = vec4f();
  var d = vec4f();
  for (var ky = 0u; ky < KERNEL; ky++) {
    let iy = oy * STRIDE + ky - KERNEL / 2u;
    if (iy >= dims.inHeight) {
      continue;
    }
    let row = (image * dims.inHeight + iy) * dims.inWidth * dims.inGroups;
    for (var ci = 0u; ci < dims.inGroups; ci++) {
      let ix = ox * STRIDE - KERNEL / 2u;
      let c0 = column(row, ix, ci);
      let c1 = column(row, ix + 1u, ci);
      let c2 = column(row, ix + 2u, ci);
      let c3 = column(row, ix + 3u, ci);
      if (STRIDE == 1u) {
        let m = matrix(ky * KERNEL, ci, group);
        a = multiplyAdd(m, c0, a);
        b = multiplyAdd(m, c1, b);
        c = multiplyAdd(m, c2, c);
        d = multiplyAdd(m, c3, d);
        if (KERNEL == 3u) {
          let c4 = column(row, ix + 4u, ci);
          let c5 = column(row, ix + 5u, ci);
          let m1 = matrix(ky * KERNEL + 1u, ci, group);
          a = multiplyAdd(m1, c1, a);
          b = multiplyAdd(m1, c2, b);
          c = multiplyAdd(m1, c3, c);
          d = multiplyAdd(m1, c4, d);
          let m2 = matrix(ky * KERNEL + 2u, ci, group);
          a = multiplyAdd(m2, c2, a);
          b = multiplyAdd(m2, c3, b);
          c = multiplyAdd(m2, c4, c);
          d = multiplyAdd(m2, c5, d);
        }
      } else {
        let c4 = column(row, ix + 4u, ci);
        let c6 = column(row, ix + 6u, ci);
        let m = matrix(ky * KERNEL, ci, group);
        a = multiplyAdd(m, c0, a);
        b = multiplyAdd(m, c2, b);
        c = multiplyAdd(m, c4, c);
        d = multiplyAdd(m, c6, d);
        if (KERNEL == 3u) {
          let m1 = matrix(ky * KERNEL + 1u, ci, group);
          a = multiplyAdd(m1, c1, a);
          b = multiplyAdd(m1, c3, b);
          c = multiplyAdd(m1, column(row, ix + 5u, ci), c);
          d = multiplyAdd(m1, column(row, ix + 7u, ci), d);
          let m2 = matrix(ky * KERNEL + 2u, ci, group);
          a = multiplyAdd(m2, c2, a);
          b = multiplyAdd(m2, c4, b);
          c = multiplyAdd(m2, c6, c);
          d = multiplyAdd(m2, column(row, ix + 8u, ci), d);
        }
      }
    }
  }
  let at = ((image * dims.outHeight + oy) * dims.outWidth + ox) * dims.outGroups + group;
  y[at] = a;
  if (ox + 1u < dims.outWidth) {
    y[at + dims.outGroups] = b;
  }
  if (ox + 2u < dims.outWidth) {
    y[at + 2u * dims.outGroups] = c;
  }
  if (ox + 3u < dims.outWidth) {
    y[at + 3u * dims.outGroups] = d;
  }
}
