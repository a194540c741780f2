// Two sums over the pixel lanes of a workgroup. Needs lib/batch_norm.wgsl.

struct Sums {
  a: vec4f,
  b: vec4f,
}

var<workgroup> lane_a: array<vec4f, 64>;
var<workgroup> lane_b: array<vec4f, 64>;

// The sums of the thread's channel group over all pixel lanes, added pairwise: always in the same order. All threads of a
// workgroup must call it.
fn add_lanes(a: vec4f, b: vec4f, local: u32) -> Sums {
  let lane = local / dims.lanes;
  workgroupBarrier(); // the sums of a call before have been read
  lane_a[local] = a;
  lane_b[local] = b;
  for (var step = 32u / dims.lanes; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      lane_a[local] += lane_a[local + step * dims.lanes];
      lane_b[local] += lane_b[local + step * dims.lanes];
    }
  }
  workgroupBarrier();
  let at = local % dims.lanes;
  return Sums(lane_a[at], lane_b[at]);
}
