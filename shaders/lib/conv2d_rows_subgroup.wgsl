// Rows of x and gy for conv2d_weight_gradient.wgsl, with the optional feature `subgroups`, where subgroups have
// exactly 8 lanes and outGroups is a multiple of SHARED (2, 4 or 8): then SHARED consecutive threads differ in their
// output group alone and need the same row. Each loads every SHARED-th column of it, and shuffles hand them round: 1,
// 2 or 3 loads where conv2d_rows_plain.wgsl needs 6 (STRIDE 2: 2, 3 or 5 for 9).
//
// PAIRS 1, where outGroups is SHARED (2 or 4) and the number of input groups is even: then lanes that are SHARED apart
// differ in their input group alone and need the same columns of gy; each loads two of the four.

override SHARED: u32;
override PAIRS: u32;

var<private> rowLane: u32; // within those that share a row
var<private> rowFirst: u32; // the first lane of them
var<private> pairLane: u32; // 0 or 1: which of the two that share columns of gy
var<private> pairFirst: u32; // the first lane of them

fn prepareRows() {
  let lane = subgroupExclusiveAdd(1u);
  rowLane = lane % SHARED;
  rowFirst = lane - rowLane;
  pairLane = lane / SHARED % 2u;
  pairFirst = lane - pairLane * SHARED;
}

// The row iy whose column `left` is at x[at].
fn inputRow(at: u32, iy: u32, left: u32) -> Row {
  let inside = iy < dims.inHeight;
  let step = dims.inGroups;
  var row: Row;
  let first = inputAt(at + rowLane * step, left + rowLane, inside);
  if (SHARED == 8u) {
    row.c0 = subgroupBroadcast(first, 0u);
    row.c1 = subgroupBroadcast(first, 1u);
    row.c2 = subgroupBroadcast(first, 2u);
    row.c3 = subgroupBroadcast(first, 3u);
    row.c4 = subgroupBroadcast(first, 4u);
    row.c5 = subgroupBroadcast(first, 5u);
    if (STRIDE == 2u) {
      row.c6 = subgroupBroadcast(first, 6u);
      row.c7 = subgroupBroadcast(first, 7u);
    }
  } else {
    let second = inputAt(at + (SHARED + rowLane) * step, left + SHARED + rowLane, inside);
    row.c0 = subgroupShuffle(first, rowFirst);
    row.c1 = subgroupShuffle(first, rowFirst + 1u);
    if (SHARED == 4u) {
      row.c2 = subgroupShuffle(first, rowFirst + 2u);
      row.c3 = subgroupShuffle(first, rowFirst + 3u);
      row.c4 = subgroupShuffle(second, rowFirst);
      row.c5 = subgroupShuffle(second, rowFirst + 1u);
      if (STRIDE == 2u) {
        row.c6 = subgroupShuffle(second, rowFirst + 2u);
        row.c7 = subgroupShuffle(second, rowFirst + 3u);
      }
    } else {
      let third = inputAt(at + (4u + rowLane) * step, left + 4u + rowLane, inside);
      row.c2 = subgroupShuffle(second, rowFirst);
      row.c3 = subgroupShuffle(second, rowFirst + 1u);
      row.c4 = subgroupShuffle(third, rowFirst);
      row.c5 = subgroupShuffle(third, rowFirst + 1u);
      if (STRIDE == 2u) {
        let fourth = inputAt(at + (6u + rowLane) * step, left + 6u + rowLane, inside);
        row.c6 = subgroupShuffle(fourth, rowFirst);
        row.c7 = subgroupShuffle(fourth, rowFirst + 1u);
      }
    }
  }
  if (STRIDE == 2u) {
    row.c8 = inputAt(at + 8u * step, left + 8u, inside);
  }
  return row;
}

// Four columns of gy from `column` on, which is at gy[at].
fn gradientColumns(at: u32, column: u32) -> mat4x4f {
  let step = dims.outGroups;
  if (PAIRS == 1u) {
    let mine = 2u * pairLane;
    let a = gradientAt(at + mine * step, column + mine);
    let b = gradientAt(at + (mine + 1u) * step, column + mine + 1u);
    return mat4x4f(
      subgroupShuffle(a, pairFirst),
      subgroupShuffle(b, pairFirst),
      subgroupShuffle(a, pairFirst + SHARED),
      subgroupShuffle(b, pairFirst + SHARED),
    );
  }
  return mat4x4f(
    gradientAt(at, column),
    gradientAt(at + step, column + 1u),
    gradientAt(at + 2u * step, column + 2u),
    gradientAt(at + 3u * step, column + 3u),
  );
}
