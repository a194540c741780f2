// Rows of x and gy for conv2d_weight_gradient.wgsl, without optional features: every thread loads its own.

fn prepareRows() {}

// The row iy whose column `left` is at x[at].
fn inputRow(at: u32, iy: u32, left: u32) -> Row {
  let inside = iy < dims.inHeight;
  let step = dims.inGroups;
  var row: Row;
  row.c0 = inputAt(at, left, inside);
  row.c1 = inputAt(at + step, left + 1u, inside);
  row.c2 = inputAt(at + 2u * step, left + 2u, inside);
  row.c3 = inputAt(at + 3u * step, left + 3u, inside);
  row.c4 = inputAt(at + 4u * step, left + 4u, inside);
  row.c5 = inputAt(at + 5u * step, left + 5u, inside);
  if (STRIDE == 2u) {
    row.c6 = inputAt(at + 6u * step, left + 6u, inside);
    row.c7 = inputAt(at + 7u * step, left + 7u, inside);
    row.c8 = inputAt(at + 8u * step, left + 8u, inside);
  }
  return row;
}

// Four columns of gy from `column` on, which is at gy[at].
fn gradientColumns(at: u32, column: u32) -> mat4x4f {
  return mat4x4f(
    gradientAt(at, column),
    gradientAt(at + dims.outGroups, column + 1u),
    gradientAt(at + 2u * dims.outGroups, column + 2u),
    gradientAt(at + 3u * dims.outGroups, column + 3u),
  );
}
