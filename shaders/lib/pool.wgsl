// Sizes of a pooled activation: rows, pixels of each, groups of 4 channels.

struct Dims {
  rows: u32,
  area: u32,
  channels4: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
