// Reads the batch record that src/ops/batch_record.ts writes once per step.

@group(0) @binding(1) var<storage, read> batch: array<u32>;

const HEADER_WORDS = 8u;
const ROW_WORDS = 12u;

const ROW_SOURCE = 0u; // which image store the row comes from
const ROW_INDEX = 1u; // image in that store
const ROW_TOP = 2u; // crop offset in the padded image, pixels
const ROW_LEFT = 3u;
const ROW_FLIP = 4u; // 1: mirrored left to right
const ROW_LABEL = 5u; // head number
const ROW_MASK = 6u; // which open-head mask its loss uses
const ROW_WEIGHT = 7u; // f32: factor of its cross-entropy in the loss
const ROW_SLOT = 8u; // memory slot it is written to, or NO_SLOT
const ROW_TARGET = 9u; // memory slot whose logits it is held to, or NO_SLOT
const ROW_DISTILLATION = 10u; // f32: factor of the squared distance to them in the loss

const ROW_TURNS = 11u; // quarter turns counterclockwise, 0 to 3

const NO_SLOT = 0xffffffffu;

fn rowWord(row: u32, field: u32) -> u32 {
  return batch[HEADER_WORDS + row * ROW_WORDS + field];
}

fn lossSlot() -> u32 {
  return batch[0];
}

fn learningRate() -> f32 {
  return bitcast<f32>(batch[1]);
}

// True if head `head` takes part in the loss or prediction under mask `mask`.
fn headIsOpen(mask: u32, head: u32) -> bool {
  return ((batch[batch[2] + mask * batch[3] + (head >> 5u)] >> (head & 31u)) & 1u) == 1u;
}
