// Where the gradient of the input goes: added to another, where there is one. The kernel has the bindings
//   addend  f32 [batch, inHeight, inWidth, 4 * inGroups], read where `accumulate` is 1
//   gx      f32 of the same shape

// needs: lib/conv2d

fn writeResult(at: u32, value: vec4f) {
  if (dims.accumulate == 1u) {
    gx[at] = value + addend[at];
  } else {
    gx[at] = value;
  }
}
