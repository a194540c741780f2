// Writes the logits of rows of a batch beside their images in a memory: what DER++ will distil from.
//
//   targets[slot(row), h] = logits[row, h]     for every row that has a slot
//
// logits  f32 [rows, width];  targets  f32 [slots, width];  width = 4 heads4;  batch: see lib/batch.wgsl
//
// One thread copies one number. The host gives a slot to at most one row of a batch, so no two threads write the same.

// needs: lib/batch

struct Dims {
  rows: u32,
  width: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read_write> targets: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < dims.rows * dims.width; i += groups.x * 64u) {
    let slot = rowWord(i / dims.width, ROW_SLOT);
    if (slot != NO_SLOT) {
      targets[slot * dims.width + i % dims.width] = logits[i];
    }
  }
}
