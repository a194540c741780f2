// Writes rows of a batch into a memory, as bytes and before augmentation.
//
//   memory[slot(row), p] = images[index(row), p]     for every row of dims.source that has a slot
//
// images, memory  u32 [count, area]: RGBA8;  batch: see lib/batch.wgsl
//
// One thread copies one pixel. The host gives a slot to at most one row of a batch (the last one offered wins), so no
// two threads write the same word.

// needs: lib/batch

struct Dims {
  rows: u32,
  area: u32,
  source: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read> images: array<u32>;
@group(0) @binding(3) var<storage, read_write> memory: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < dims.rows * dims.area; i += groups.x * 64u) {
    let row = i / dims.area;
    let slot = rowWord(row, ROW_SLOT);
    if (slot != NO_SLOT && rowWord(row, ROW_SOURCE) == dims.source) {
      let pixel = i % dims.area;
      memory[slot * dims.area + pixel] = images[rowWord(row, ROW_INDEX) * dims.area + pixel];
    }
  }
}
