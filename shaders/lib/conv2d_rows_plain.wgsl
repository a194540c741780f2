// Rows of x and gy for conv2d_weight_gradient.wgsl, without optional features: every thread loads its own.

// needs: lib/conv2d_columns

fn prepareRows() {}

// The row iy whose column `left` is at x[at].
fn inputRow(at: u32, iy: u32, left: u32) -> Row {
  let inside = iy < dims.inHeight;
  let step = dims.inGroups;
  var row: Row;
  loadColumns(&row, at, left, inside);
  if (STRIDE == 2u) {
    row.c6 = inputAt(at + 6u * step, left + 6u, inside);
    row.c7 = inputAt(at + 7u * step, left + 7u, inside);
    row.c8 = inputAt(at + 8u * step, left + 8u, inside);
  }
  return row;
}
