import crossEntropyCode from "../../shaders/cross_entropy.wgsl" with { type: "text" };
import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf4 } from "./dispatch_size.ts";
import { shader } from "./shader.ts";

/** Its kernel. */
export const crossEntropyKernel = shader("cross_entropy", crossEntropyCode);

/**
 * Weighted softmax cross-entropy over each row's open heads, and its gradient in the logits `[rows, 4 heads4]`.
 * The ACE loss (Caccia et al., ICLR 2022) is this kernel with the masks of the stream rows closed for the classes that
 * are neither in the batch nor still to come. The step's loss is written to `losses[lossSlot]`.
 */
export function recordCrossEntropy(options: {
  readonly rows: number;
  readonly heads: number;
  readonly batch: Tensor;
  readonly logits: Tensor;
  readonly gLogits: Tensor;
  readonly rowLosses: Tensor;
  readonly losses: Tensor;
}): Dispatch {
  const { rows, heads, batch, logits, gLogits, rowLosses, losses } = options;
  return dispatch({
    kernel: crossEntropyKernel,
    uniform: { rows, heads, heads4: groupsOf4(heads) },
    buffers: { batch, logits, gLogits, rowLosses, losses },
    workgroups: [1],
  });
}
