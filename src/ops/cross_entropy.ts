import crossEntropyCode from "../../shaders/cross_entropy.wgsl" with { type: "text" };
import batchLibrary from "../../shaders/lib/batch.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import { type Dispatch, words } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";

const crossEntropy = defineKernel({
  name: "cross_entropy",
  code: crossEntropyCode,
  library: [batchLibrary],
  bindings: {
    dims: "uniform",
    batch: "read",
    logits: "read",
    gLogits: "write",
    rowLosses: "write",
    losses: "write",
  },
});

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
  return {
    kernel: crossEntropy,
    uniform: words(rows, heads, Math.ceil(heads / 4), 0),
    buffers: [batch, logits, gLogits, rowLosses, losses],
    workgroups: [1],
  };
}
