// What strips read and write in a forward convolution, whatever the order of its taps. Shapes of x, weight and y are in
// the header of the kernel.

// needs: lib/conv2d_strips
// needs: lib/storage_f32 or lib/storage_f16

@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Stored>;

fn sourceGrid() -> Grid {
  return Grid(dims.inHeight, dims.inWidth, dims.inGroups);
}

fn resultGrid() -> Grid {
  return Grid(dims.outHeight, dims.outWidth, dims.outGroups);
}

fn sourceAt(at: u32, column: u32, rowInside: bool) -> vec4f {
  let inside = rowInside && column < dims.inWidth;
  return select(vec4f(), widen(x[select(0u, at, inside)]), inside);
}

fn writeResult(at: u32, value: vec4f) {
  y[at] = narrow(value);
}

fn blockAt(at: u32, pair: u32) -> WeightBlock {
  return weightBlock(at + 2u * pair, dims.outGroups, 1u);
}
