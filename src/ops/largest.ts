import largestCode from "../../shaders/largest.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import { type Dispatch, words } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";

const largest = defineKernel({
  name: "largest",
  code: largestCode,
  bindings: { dims: "uniform", gradients: "read", values: "read", mask: "read", result: "write" },
});

/** More would only compete for the two results. */
const MOST_GROUPS = 256;

/**
 * The largest magnitude of the gradient and of the values where `mask` (u32, one per 4 values) is not 0, as the bits of
 * f32 in `result` (u32, 2 elements, 0 before). Bits from 0x7f800000 on: not finite.
 */
export function recordLargest(
  tensors: {
    readonly gradients: Tensor;
    readonly values: Tensor;
    readonly mask: Tensor;
    readonly result: Tensor;
  },
): Dispatch {
  const { gradients, values, mask, result } = tensors;
  const count4 = values.length / 4;
  return {
    kernel: largest,
    uniform: words(count4, 0, 0, 0),
    buffers: [gradients, values, mask, result],
    workgroups: [Math.min(groupsOf64(count4), MOST_GROUPS)],
  };
}
