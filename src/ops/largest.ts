import largestCode from "../../shaders/largest.wgsl" with { type: "text" };
import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import { bitsOf, type Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";
import { shader } from "./shader.ts";

/** Its kernel. */
export const largestKernel = shader("largest", largestCode);

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
  return dispatch({
    kernel: largestKernel,
    uniform: { count4 },
    buffers: { gradients: bitsOf(gradients), values: bitsOf(values), mask, result },
    workgroups: [Math.min(groupsOf64(count4), MOST_GROUPS)],
  });
}
