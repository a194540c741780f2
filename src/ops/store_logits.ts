import storeLogitsCode from "../../shaders/store_logits.wgsl" with { type: "text" };
import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";
import { shader } from "./shader.ts";

/** Its kernel. */
export const storeLogitsKernel = shader("store_logits", storeLogitsCode);

/**
 * Copies the logits `[rows, 4 heads4]` of those rows of a batch that have a memory slot into `memory`
 * `[slots, 4 heads4]`.
 */
export function recordStoreLogits(options: {
  readonly rows: number;
  readonly batch: Tensor;
  readonly logits: Tensor;
  readonly memory: Tensor;
}): Dispatch {
  const { rows, batch, logits, memory } = options;
  const width = logits.shape[1];
  return dispatch({
    kernel: storeLogitsKernel,
    uniform: { rows, width },
    buffers: { batch, logits, targets: memory },
    workgroups: [groupsOf64(rows * width)],
  });
}
