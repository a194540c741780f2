// Rows of x for conv2d_weight_gradient.wgsl, with the optional feature `subgroups`, where subgroups have exactly 8
// lanes and outGroups is a multiple of 8: then the lanes of a subgroup (consecutive threads) differ in their output
// group alone and need the same row. Each loads one column of it, and broadcasts hand them round: 1 load where
// conv2d_rows_plain.wgsl needs 6 (STRIDE 2: 2 for 9). On a CPU adapter this made stride 1 a third faster, stride 2
// up to twice as fast.

var<private> rowLane: u32;

fn prepareRows() {
  rowLane = subgroupExclusiveAdd(1u);
}

// The row iy whose column `left` is at x[at].
fn inputRow(at: u32, iy: u32, left: u32) -> Row {
  let inside = iy < dims.inHeight;
  let mine = inputAt(at + rowLane * dims.inGroups, left + rowLane, inside);
  var row: Row;
  row.c0 = subgroupBroadcast(mine, 0u);
  row.c1 = subgroupBroadcast(mine, 1u);
  row.c2 = subgroupBroadcast(mine, 2u);
  row.c3 = subgroupBroadcast(mine, 3u);
  row.c4 = subgroupBroadcast(mine, 4u);
  row.c5 = subgroupBroadcast(mine, 5u);
  if (STRIDE == 2u) {
    row.c6 = subgroupBroadcast(mine, 6u);
    row.c7 = subgroupBroadcast(mine, 7u);
    row.c8 = inputAt(at + 8u * dims.inGroups, left + 8u, inside);
  }
  return row;
}
