import mseCode from "../../shaders/mse.wgsl" with { type: "text" };
import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf4 } from "./dispatch_size.ts";
import { shader } from "./shader.ts";

/** Its kernel. */
export const mseKernel = shader("mse", mseCode);

/**
 * Adds the weighted squared distance between logits `[rows, 4 heads4]` and remembered ones (`targets`
 * `[slots, 4 heads4]`, the slot named by each row's record) to the losses and gradients that the cross-entropy of the
 * same step has written: the distillation term of DER++ (Buzzega et al., NeurIPS 2020). `over`: all heads, or those
 * that the row's mask keeps out of the softmax.
 */
export function recordMse(options: {
  readonly rows: number;
  readonly heads: number;
  readonly over?: "all" | "closed";
  readonly batch: Tensor;
  readonly logits: Tensor;
  readonly targets: Tensor;
  readonly gLogits: Tensor;
  readonly rowLosses: Tensor;
  readonly losses: Tensor;
}): Dispatch {
  const { rows, heads, over = "all", batch, logits, targets, gLogits, rowLosses, losses } = options;
  return dispatch({
    kernel: mseKernel,
    constants: { CLOSED: over === "closed" ? 1 : 0 },
    uniform: { rows, heads, heads4: groupsOf4(heads) },
    buffers: { batch, logits, targets, gLogits, rowLosses, losses },
    workgroups: [1],
  });
}
