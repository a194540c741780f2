import batchLibrary from "../../shaders/lib/batch.wgsl" with { type: "text" };
import predictCode from "../../shaders/predict.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import { type Dispatch, words } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";

const predict = defineKernel({
  name: "predict",
  code: predictCode,
  library: [batchLibrary],
  bindings: { dims: "uniform", batch: "read", logits: "read", counts: "write" },
});

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
  return {
    kernel: predict,
    label: `mask ${mask}`,
    uniform: words(rows, heads, Math.ceil(heads / 4), mask, offset, 0, 0, 0),
    buffers: [batch, logits, counts],
    workgroups: [groupsOf64(rows)],
  };
}
