// Losses of rows over heads, in one workgroup: a thread takes rows local, local + 64, ...

struct Dims {
  rows: u32,
  heads: u32,
  heads4: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;

var<workgroup> sums: array<f32, 64>;

// The sum of what the threads have, a tree in fixed order, for thread 0. All threads must call it.
fn sumOfThreads(own: f32, local: u32) -> f32 {
  sums[local] = own;
  for (var step = 32u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (local < step) {
      sums[local] += sums[local + step];
    }
  }
  return sums[0];
}
