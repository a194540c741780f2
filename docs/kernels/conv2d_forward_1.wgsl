//@ op: conv2d_forward
//@ workgroups: ceil(batch * outHeight * ceil(outWidth / 4) / 64), outGroups

// Step 1: a thread computes 4 channels of 4 pixels in a row, so that a weight is loaded once for four.

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
      for (var kx = 0u; kx < KERNEL; kx++) {
        let at = ((ky * KERNEL + kx) * 4u * dims.inGroups + 4u * ci) * dims.outGroups + group;
        let m = mat4x4f(
          weight[at],
          weight[at + dims.outGroups],
          weight[at + 2u * dims.outGroups],
          weight[at + 3u * dims.outGroups],
        );
        let ix = ox * STRIDE + kx - KERNEL / 2u;
        a = multiplyAdd(m, column(row, ix, ci), a);
        b = multiplyAdd(m, column(row, ix + STRIDE, ci), b);
        c = multiplyAdd(m, column(row, ix + 2u * STRIDE, ci), c);
        d = multiplyAdd(m, column(row, ix + 3u * STRIDE, ci), d);
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
