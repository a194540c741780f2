// Sizes of a linear layer: rows, and groups of 4 of its input channels and of its heads.

struct Dims {
  rows: u32,
  channels4: u32,
  heads4: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
