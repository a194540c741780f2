// Forward convolution of a stem: a large kernel and stride 2
//
//   y[n, oy, ox, co] = sum over ky, kx, ci of x[n, 2 oy + ky - P, 2 ox + kx - P, ci] * w[ky, kx, ci, co]
//
// with K = KERNEL (odd, here 7) and P of lib/conv2d.wgsl, STRIDE = 2, and x = 0 outside the image.
//
//   x       f32 or f16 [batch, inHeight, inWidth, 4 * inGroups]      read as vec4f over ci
//   weight  f32 [K, K, 4 * inGroups, 4 * outGroups]                  w, read as vec4f over co
//   y       f32 or f16 [batch, outHeight, outWidth, 4 * outGroups]   written as vec4f over co
//
// Channels beyond the true ones are zero in x and w, and therefore in y. Who computes what: lib/conv2d_strips.wgsl,
// with SECOND 0 or 1 and EXCHANGE 0. A sum takes its terms in the order (ky, group of ci, kx, ci).
//
// Four adjacent outputs meet K + 6 columns of x: tap kx the columns kx, kx + 2, kx + 4 and kx + 6. Taps are taken in
// turn from `even` and `odd`, of which each goes on by one column when it is used again, so that every column is loaded
// once: 13 loads of x and 28 weight blocks for 1792 multiply-adds of vec4f with SECOND = 1 (K = 7, a row of x).

// needs: lib/conv2d_forward

// Column number `column` of the row whose column `left` is at x[at].
fn columnAt(at: u32, left: u32, column: u32, inside: bool) -> vec4f {
  return sourceAt(at + column * dims.inGroups, left + column, inside);
}

// Columns column - 2 to column + 4, two apart, of which the next step drops the first.
fn columnsBefore(at: u32, left: u32, column: u32, inside: bool) -> mat4x4f {
  return mat4x4f(
    vec4f(),
    columnAt(at, left, column, inside),
    columnAt(at, left, column + 2u, inside),
    columnAt(at, left, column + 4u, inside),
  );
}

fn goneOn(columns: mat4x4f, next: vec4f) -> mat4x4f {
  return mat4x4f(columns[1], columns[2], columns[3], next);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
  prepareWeights();
  let strip = stripOf(id, workgroup, 1u, 0u);
  let top = strip.row * STRIDE - KERNEL / 2u; // may wrap below zero, and so may the addresses
  let left = strip.column * STRIDE - KERNEL / 2u;
  let corner = ((strip.image * dims.inHeight + top) * dims.inWidth + left) * dims.inGroups;
  let rowSize = dims.inWidth * dims.inGroups;
  let weightSize = 4u * dims.outGroups; // of one ci group and tap
  let tapSize = dims.inGroups * weightSize;

  var first: Tile;
  var second: Tile;
  for (var ky = 0u; ky < KERNEL; ky++) {
    let inside = top + ky < dims.inHeight;
    for (var ci = 0u; ci < dims.inGroups; ci++) {
      let at = corner + ky * rowSize + ci;
      var weightsAt = ky * KERNEL * tapSize + ci * weightSize + strip.group;
      var even = columnsBefore(at, left, 0u, inside);
      var odd = columnsBefore(at, left, 1u, inside);
      for (var kx = 0u; kx < KERNEL; kx += 2u) {
        even = goneOn(even, columnAt(at, left, kx + 6u, inside));
        addTap(&first, &second, weightsAt, even, even);
        weightsAt += tapSize;
        if (kx + 1u < KERNEL) {
          odd = goneOn(odd, columnAt(at, left, kx + 7u, inside));
          addTap(&first, &second, weightsAt, odd, odd);
          weightsAt += tapSize;
        }
      }
    }
  }
  storeStrip(strip, first, second);
}
