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

@group(0) @binding(0) var<uniform> dims: Dims;

// What a thread works on, in workgroups (channels, pixels, segment). The segment is not in it: a compiler takes all of
// a record for different in each thread if a part is, and barriers must not depend on such values.
struct Thread {
  channel: u32, // a group of 4
  inside: bool, // whether there is such a group
  lane: u32, // which pixel lane
}

fn threadOf(group: vec3u, local: u32) -> Thread {
  let channel = group.x * dims.lanes + local % dims.lanes;
  return Thread(channel, channel < dims.channels4, local / dims.lanes);
}

// The pixels of a workgroup, and how a thread walks over them: its vec4s are first, first + step, ... below last.
struct Walk {
  start: u32,
  end: u32,
  first: u32,
  last: u32,
  step: u32,
}

// Over the pixels of a workgroup, `size` of its segment.
fn walkOf(thread: Thread, group: vec3u, size: u32) -> Walk {
  let c4 = dims.channels4;
  let start = segmentStart(group.z) + group.y * size;
  let end = min(start + size, dims.ends[group.z]);
  return Walk(start, end, (start + thread.lane) * c4 + thread.channel, end * c4, 64u / dims.lanes * c4);
}

// Where the statistics of a segment's channel begin.
fn statisticsAt(segment: u32, channel: u32) -> u32 {
  return segment * 4u * dims.channels4 + channel;
}

// Where the two sums of a chunk begin.
fn partialsAt(segment: u32, chunk: u32, channel: u32) -> u32 {
  return (segment * dims.chunks + chunk) * 2u * dims.channels4 + channel;
}

fn segmentStart(segment: u32) -> u32 {
  return select(dims.ends[max(segment, 1u) - 1u], 0u, segment == 0u);
}
