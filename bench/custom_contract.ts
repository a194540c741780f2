import { InputError } from "../src/errors.ts";
import type { Access } from "../src/gpu/kernel.ts";
import { defineKernel } from "../src/gpu/kernel.ts";
import { type Dispatch, words } from "../src/gpu/program.ts";
import type { Tensor, TensorRange } from "../src/gpu/tensor.ts";
import type { Conv2dPass } from "../src/ops/conv2d_variants.ts";
import { convolutionCase, type LayerShape } from "./convolution_cases.ts";
import { evaluateExpression, splitAtCommas } from "./expression.ts";
import type { KernelCase, PreparedCase } from "./kernel_case.ts";

/** What a kernel of somebody's own is bound to for one operation; bench/README.md says it in words. */
export interface Contract {
  /** Storage bindings 1, 2, 3 in order; binding 0 is the uniform record of sizes. */
  readonly bindings: Readonly<Record<string, Access>>;
  readonly caseOf: (layer: LayerShape, batch: number) => KernelCase;
}

const caseOf = (pass: Conv2dPass) => (layer: LayerShape, batch: number) =>
  convolutionCase(pass, layer, batch);

/** The operations that can be replaced. The first two operands are those of our own kernel. */
export const contracts: Readonly<Record<string, Contract>> = {
  conv2d_forward: {
    bindings: { dims: "uniform", x: "read", weights: "read", y: "write" },
    caseOf: caseOf("forward"),
  },
  conv2d_input_gradient: {
    bindings: { dims: "uniform", gy: "read", weights: "read", gx: "write" },
    caseOf: caseOf("input_gradient"),
  },
  conv2d_weight_gradient: {
    bindings: { dims: "uniform", x: "read", gy: "read", gw: "write" },
    caseOf: caseOf("weight_gradient"),
  },
};

/** The sizes in the uniform record, in order, by the names that the directive may use. */
export function sizesOf(layer: LayerShape, batch: number): Record<string, number> {
  const groups = (channels: number) => Math.ceil(channels / 4);
  return {
    batch,
    inHeight: layer.inputHeight,
    inWidth: layer.inputWidth,
    inGroups: groups(layer.inputChannels),
    outHeight: layer.outputHeight,
    outWidth: layer.outputWidth,
    outGroups: groups(layer.outputChannels),
  };
}

/**
 * The launch of a custom kernel over the operands of a prepared case.
 *
 * @throws {InputError} for a kernel without the directive that says how many workgroups it wants.
 */
export function customDispatch(
  code: string,
  contract: Contract,
  { dispatches, outputs }: PreparedCase,
  layer: LayerShape,
  batch: number,
): Dispatch {
  const directive = code.match(/^\/\/@ workgroups:(.*)$/m);
  if (!directive) {
    throw new InputError(
      "Cannot launch the kernel: it does not say how many workgroups it wants; add a line such as " +
        "`//@ workgroups: ceil(batch * outHeight * outWidth / 64), outGroups`",
    );
  }
  const sizes = sizesOf(layer, batch);
  const known = { KERNEL: layer.kernel, STRIDE: layer.stride };
  const [x, y = 1, z = 1] = splitAtCommas(directive[1])
    .map((part) => evaluateExpression(part, { ...sizes, ...known }));
  const constants = Object.fromEntries(
    Object.entries(known).filter(([name]) => new RegExp(`\\boverride\\s+${name}\\b`).test(code)),
  );
  const operands = dispatches[0].buffers.slice(0, 2) as (Tensor | TensorRange)[];
  return {
    kernel: defineKernel({
      name: "custom",
      code,
      bindings: contract.bindings,
      constants: Object.keys(constants),
    }),
    constants,
    uniform: words(...Object.values(sizes), 0),
    buffers: [...operands, outputs[0].tensor],
    workgroups: [x, y, z],
  };
}
