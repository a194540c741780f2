// Predicted heads and how often each occurred: prediction[n] = arg max over the open heads, first one on ties. A row
// with an open head whose logit is NaN has none, and is not counted.
//
//   counts[dims.offset + label[n], prediction[n]] += 1
//
// logits  f32 [rows, 4 heads4];  counts  u32 [.., heads], integer atomics: any order gives the same numbers
// batch   see lib/batch.wgsl: the label, and the mask of open heads (dims.mask)
//
// One thread per row.

// needs: lib/batch

struct Dims {
  rows: u32,
  heads: u32,
  heads4: u32,
  mask: u32,
  offset: u32, // first row of counts
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= dims.rows) {
    return;
  }
  let base = row * 4u * dims.heads4;
  var best = dims.heads;
  var highest = 0.0;
  var numbers = true;
  for (var h = 0u; h < dims.heads; h++) {
    let logit = logits[base + h];
    if (headIsOpen(dims.mask, h)) {
      if (best == dims.heads || logit > highest) {
        best = h;
        highest = logit;
      }
      // By its bits: logit != logit may be taken for false.
      numbers = numbers && (bitcast<u32>(logit) & 0x7fffffffu) <= 0x7f800000u;
    }
  }
  if (numbers && best < dims.heads) {
    atomicAdd(&counts[(dims.offset + rowWord(row, ROW_LABEL)) * dims.heads + best], 1u);
  }
}
