// Columns of x and gy for gradients of weights in strips, without optional features: every thread loads its own. The
// kernel has a struct Row, whose c0 to c5 are the first six columns of a row of x.

// needs: lib/conv2d_outer

// The first six columns of the row of x whose column `left` is at x[at].
fn loadColumns(row: ptr<function, Row>, at: u32, left: u32, inside: bool) {
  let step = dims.inGroups;
  (*row).c0 = inputAt(at, left, inside);
  (*row).c1 = inputAt(at + step, left + 1u, inside);
  (*row).c2 = inputAt(at + 2u * step, left + 2u, inside);
  (*row).c3 = inputAt(at + 3u * step, left + 3u, inside);
  (*row).c4 = inputAt(at + 4u * step, left + 4u, inside);
  (*row).c5 = inputAt(at + 5u * step, left + 5u, inside);
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
