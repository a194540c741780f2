// Sizes of max pooling in 3x3 windows of stride 2 and padding 1, before (in) and behind (out):
// outHeight = ceil(inHeight / 2), outWidth = ceil(inWidth / 2). channels4: groups of 4 channels.

struct Dims {
  rows: u32,
  inHeight: u32,
  inWidth: u32,
  outHeight: u32,
  outWidth: u32,
  channels4: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
