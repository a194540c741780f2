import batchLibrary from "../../shaders/lib/batch.wgsl" with { type: "text" };
import mseCode from "../../shaders/mse.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import { type Dispatch, words } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";

const mse = defineKernel({
  name: "mse",
  code: mseCode,
  library: [batchLibrary],
  bindings: {
    dims: "uniform",
    batch: "read",
    logits: "read",
    targets: "read",
    gLogits: "write",
    rowLosses: "write",
    losses: "write",
  },
});

/**
 * Adds the weighted squared distance between logits `[rows, 4 heads4]` and remembered ones (`targets`
 * `[slots, 4 heads4]`, the slot named by each row's record) to the losses and gradients that the cross-entropy of the
 * same step has written: the distillation term of DER++ (Buzzega et al., NeurIPS 2020).
 */
export function recordMse(options: {
  readonly rows: number;
  readonly heads: number;
  readonly batch: Tensor;
  readonly logits: Tensor;
  readonly targets: Tensor;
  readonly gLogits: Tensor;
  readonly rowLosses: Tensor;
  readonly losses: Tensor;
}): Dispatch {
  const { rows, heads, batch, logits, targets, gLogits, rowLosses, losses } = options;
  return {
    kernel: mse,
    uniform: words(rows, heads, Math.ceil(heads / 4), 0),
    buffers: [batch, logits, targets, gLogits, rowLosses, losses],
    workgroups: [1],
  };
}
