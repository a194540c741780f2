import batchLibrary from "../../shaders/lib/batch.wgsl" with { type: "text" };
import storeLogitsCode from "../../shaders/store_logits.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import { type Dispatch, words } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";

const storeLogits = defineKernel({
  name: "store_logits",
  code: storeLogitsCode,
  library: [batchLibrary],
  bindings: { dims: "uniform", batch: "read", logits: "read", memory: "write" },
});

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
  return {
    kernel: storeLogits,
    uniform: words(rows, width, 0, 0),
    buffers: [batch, logits, memory],
    workgroups: [groupsOf64(rows * width)],
  };
}
