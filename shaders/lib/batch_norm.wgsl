// Shared by the training kernels of batch norm: the uniform record, and the merging of what was computed chunk by
// chunk.
//
// A workgroup's 64 threads are `lanes` channel groups times 64 / lanes pixel lanes (lanes: a power of two).

struct Dims {
  channels4: u32,
  lanes: u32,
  chunk: u32, // pixels per chunk of the sums
  chunks: u32, // of the longest segment
  segments: u32,
  block: u32, // pixels per workgroup of the kernels that apply
  ends: vec4u, // end of each segment in pixels (rows x height x width); unused ones repeat the last
}

const EPSILON = 1e-5;
const MOMENTUM = 0.1;

fn segmentStart(segment: u32) -> u32 {
  return select(dims.ends[max(segment, 1u) - 1u], 0u, segment == 0u);
}
