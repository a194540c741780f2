import sgdCode from "../../shaders/sgd_masked.wgsl" with { type: "text" };
import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";
import { shader } from "./shader.ts";

/** Its kernel. */
export const sgdKernel = shader("sgd_masked", sgdCode);

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
  return dispatch({
    kernel: sgdKernel,
    constants: { MOMENTUM: momentum > 0 ? 1 : 0, NESTEROV: nesterov ? 1 : 0 },
    uniform: { count4, momentum, weightDecay },
    buffers: { batch, gradients, mask, values, velocities },
    workgroups: [groupsOf64(count4)],
  });
}
