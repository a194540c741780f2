// The sums of one thread in kernels that work in tiles: THREAD_ROWS rows by two groups of 4 columns, in registers.
// Appended to them.

override THREAD_ROWS: u32; // 4 or 8

struct Tile { // two groups of columns, a and b, of 8 rows; of 4 rows the first four
  a0: vec4f, a1: vec4f, a2: vec4f, a3: vec4f, a4: vec4f, a5: vec4f, a6: vec4f, a7: vec4f,
  b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f, b4: vec4f, b5: vec4f, b6: vec4f, b7: vec4f,
}

// Adds the outer product of a column, rows 0 to 3 in x and 4 to 7 in z, and a row, whose two groups are a and b.
fn addOuter(tile: ptr<function, Tile>, x: vec4f, z: vec4f, a: vec4f, b: vec4f) {
  (*tile).a0 = fma(vec4f(x.x), a, (*tile).a0);
  (*tile).a1 = fma(vec4f(x.y), a, (*tile).a1);
  (*tile).a2 = fma(vec4f(x.z), a, (*tile).a2);
  (*tile).a3 = fma(vec4f(x.w), a, (*tile).a3);
  (*tile).b0 = fma(vec4f(x.x), b, (*tile).b0);
  (*tile).b1 = fma(vec4f(x.y), b, (*tile).b1);
  (*tile).b2 = fma(vec4f(x.z), b, (*tile).b2);
  (*tile).b3 = fma(vec4f(x.w), b, (*tile).b3);
  if (THREAD_ROWS == 8u) {
    (*tile).a4 = fma(vec4f(z.x), a, (*tile).a4);
    (*tile).a5 = fma(vec4f(z.y), a, (*tile).a5);
    (*tile).a6 = fma(vec4f(z.z), a, (*tile).a6);
    (*tile).a7 = fma(vec4f(z.w), a, (*tile).a7);
    (*tile).b4 = fma(vec4f(z.x), b, (*tile).b4);
    (*tile).b5 = fma(vec4f(z.y), b, (*tile).b5);
    (*tile).b6 = fma(vec4f(z.z), b, (*tile).b6);
    (*tile).b7 = fma(vec4f(z.w), b, (*tile).b7);
  }
}
