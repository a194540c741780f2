import predictCode from "../../shaders/predict.wgsl" with { type: "text" };
import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf4, groupsOf64WithoutStride } from "./dispatch_size.ts";
import { shader } from "./shader.ts";

/** Its kernel. */
export const predictKernel = shader("predict", predictCode);

/**
 * Counts predictions: for each row, `counts[offset + label][argmax]` += 1, the argmax taken over the heads that mask
 * number `mask` of the batch leaves open, the first one on ties. A row with NaN among these is not counted. `counts` is
 * u32 `[.., heads]`.
 */
export function recordPredict(options: {
  readonly rows: number;
  readonly heads: number;
  readonly mask: number;
  readonly offset: number;
  readonly batch: Tensor;
  readonly logits: Tensor;
  readonly counts: Tensor;
}): Dispatch {
  const { rows, heads, mask, offset, batch, logits, counts } = options;
  return dispatch({
    kernel: predictKernel,
    label: `mask ${mask}`,
    uniform: { rows, heads, heads4: groupsOf4(heads), mask, offset },
    buffers: { batch, logits, counts },
    workgroups: [groupsOf64WithoutStride(predictKernel.name, rows)],
  });
}
