import batchLibrary from "../../shaders/lib/batch.wgsl" with { type: "text" };
import sgdCode from "../../shaders/sgd_masked.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import { type Dispatch, words } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";

const sgdMasked = defineKernel({
  name: "sgd_masked",
  code: sgdCode,
  library: [batchLibrary],
  constants: ["MOMENTUM", "NESTEROV"],
  bindings: {
    dims: "uniform",
    batch: "read",
    gradients: "read",
    mask: "read",
    values: "write",
    velocities: "write",
  },
});

/** Settings of the update that stay the same for a run; the learning rate comes with each step. */
export interface SgdOptions {
  readonly momentum: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
}

/**
 * One update of the flat parameter table by PyTorch's SGD rule (no dampening). Where `mask` (u32, one per 4 values) is
 * 0, neither value nor velocity is written: frozen parameters keep every bit, under weight decay and momentum too.
 */
export function recordSgd(
  options: SgdOptions & {
    readonly batch: Tensor;
    readonly gradients: Tensor;
    readonly mask: Tensor;
    readonly values: Tensor;
    readonly velocities: Tensor;
  },
): Dispatch {
  const { momentum, weightDecay, nesterov, batch, gradients, mask, values, velocities } = options;
  if (nesterov && momentum === 0) {
    throw new RangeError(
      "Cannot use Nesterov momentum: momentum is 0; set optimizer.momentum or turn nesterov off",
    );
  }
  const count4 = values.length / 4;
  return {
    kernel: sgdMasked,
    constants: { MOMENTUM: momentum > 0 ? 1 : 0, NESTEROV: nesterov ? 1 : 0 },
    uniform: words(count4, { f32: momentum }, { f32: weightDecay }, 0),
    buffers: [batch, gradients, mask, values, velocities],
    workgroups: [groupsOf64(count4)],
  };
}
