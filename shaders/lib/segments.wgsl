// A batch is a list of at most 4 segments of consecutive pixels, each normalised by its own statistics.
// Needs, in the kernel that names it, a uniform record `dims` with the members
//   segments: u32             number of segments
//   ends: vec4u               end of each segment, in pixels (rows x height x width); unused ones repeat the last

fn segment_start(segment: u32) -> u32 {
  return select(dims.ends[max(segment, 1u) - 1u], 0u, segment == 0u);
}
