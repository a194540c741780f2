// Two sums over the pixel lanes of a workgroup.

// needs: lib/batch_norm

struct Sums {
  a: vec4f,
  b: vec4f,
}

var<workgroup> laneA: array<vec4f, 64>;
var<workgroup> laneB: array<vec4f, 64>;

// The sums of the thread's channel group over all pixel lanes, added pairwise: always in the same order. All threads
// of a workgroup must call it.
fn addLanes(a: vec4f, b: vec4f, local: u32) -> Sums {
  let lane = local / dims.lanes;
  workgroupBarrier(); // the sums of a call before have been read
  laneA[local] = a;
  laneB[local] = b;
  for (var step = 32u / dims.lanes; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      laneA[local] += laneA[local + step * dims.lanes];
      laneB[local] += laneB[local + step * dims.lanes];
    }
  }
  workgroupBarrier();
  let at = local % dims.lanes;
  return Sums(laneA[at], laneB[at]);
}
