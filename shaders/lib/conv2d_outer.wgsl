// What gradients of weights in strips do with what they have loaded: outer products of pixels of x and gy. The kernel
// has the bindings x (array<Stored>), gy and partials (array<vec4f>).

// needs: lib/conv2d

// x[at], which is column `column` of a row, zero outside the image. Negative columns wrap to large ones.
fn inputAt(at: u32, column: u32, rowInside: bool) -> vec4f {
  let inside = rowInside && column < dims.inWidth;
  return select(vec4f(), widen(x[select(0u, at, inside)]), inside);
}

fn gradientAt(at: u32, column: u32) -> vec4f {
  let inside = column < dims.outWidth;
  return select(vec4f(), gy[select(0u, at, inside)], inside);
}

// x0 g[0] + x1 g[1] + x2 g[2] + x3 g[3] + sum, in this order from the right.
fn combine(x0: f32, x1: f32, x2: f32, x3: f32, g: mat4x4f, sum: vec4f) -> vec4f {
  return fma(vec4f(x3), g[3], fma(vec4f(x2), g[2], fma(vec4f(x1), g[1], fma(vec4f(x0), g[0], sum))));
}

// Adds the outer products x g^T of four pixels; column c of the sum belongs to input channel c.
fn addOuter(sum: mat4x4f, x0: vec4f, x1: vec4f, x2: vec4f, x3: vec4f, g: mat4x4f) -> mat4x4f {
  return mat4x4f(
    combine(x0.x, x1.x, x2.x, x3.x, g, sum[0]),
    combine(x0.y, x1.y, x2.y, x3.y, g, sum[1]),
    combine(x0.z, x1.z, x2.z, x3.z, g, sum[2]),
    combine(x0.w, x1.w, x2.w, x3.w, g, sum[3]),
  );
}

fn store(at: u32, m: mat4x4f) {
  partials[at] = m[0];
  partials[at + dims.outGroups] = m[1];
  partials[at + 2u * dims.outGroups] = m[2];
  partials[at + 3u * dims.outGroups] = m[3];
}
