import { InputError } from "../src/errors.ts";
import type { Dispatch } from "../src/gpu/dispatch.ts";
import { defineKernel, type Kernel } from "../src/gpu/kernel.ts";
import type { PreparedCase, ShapedOp } from "../src/check/kernel_case.ts";
import {
  conv2dForward,
  conv2dInputGradient,
  conv2dWeightGradient,
  type ConvolutionShape,
} from "../src/check/ops/convolution.ts";
import { evaluateExpression, splitAtCommas } from "./expression.ts";

/** What a kernel of somebody's own is bound to for one operation; bench/README.md says it in words. */
export interface Contract {
  /** Bindings 1, 2 and 3: two that our own kernel reads, by its names, and the one that is written. */
  readonly operands: readonly [string, string, string];
  readonly op: ShapedOp<ConvolutionShape>;
}

/** The operations that can be replaced. */
export const contracts: Readonly<Record<string, Contract>> = {
  conv2d_forward: {
    operands: ["x", "weight", "y"],
    op: conv2dForward,
  },
  conv2d_input_gradient: {
    operands: ["gy", "weight", "gx"],
    op: conv2dInputGradient,
  },
  conv2d_weight_gradient: {
    operands: ["x", "gy", "gw"],
    op: conv2dWeightGradient,
  },
};

/** The sizes in the uniform record, in order, by the names that the directive may use. */
function sizesOf(layer: ConvolutionShape): Record<string, number> {
  const groups = (channels: number) => Math.ceil(channels / 4);
  return {
    batch: layer.rows,
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
  layer: ConvolutionShape,
): Dispatch {
  const directive = code.match(/^\/\/@ workgroups:(.*)$/m);
  if (!directive) {
    throw new InputError(
      "Cannot launch the kernel: it does not say how many workgroups it wants; add a line such as " +
        "`//@ workgroups: ceil(batch * outHeight * outWidth / 64), outGroups`",
    );
  }
  const sizes = sizesOf(layer);
  const known = { KERNEL: layer.kernel, STRIDE: layer.stride };
  const [x, y = 1, z = 1] = splitAtCommas(directive[1])
    .map((part) => evaluateExpression(part, { ...sizes, ...known }));
  const kernel = definition(code);
  const names = kernel.bindings.map(({ name }) => name);
  const found = kernel.bindings.map(({ binding, access }) => `${binding} ${access}`).join(", ");
  if (found !== "0 uniform, 1 read, 2 read, 3 write") {
    throw new InputError(
      `Cannot launch the kernel: it binds [${found}]; binding 0 is the uniform record of sizes, 1 and 2 ` +
        `(${contract.operands.slice(0, 2).join(", ")}) are read, 3 (${
          contract.operands[2]
        }) is written`,
    );
  }
  const { buffers } = dispatches()[0];
  return {
    kernel,
    constants: Object.fromEntries(
      Object.entries(known).filter(([key]) => kernel.constants.some(({ name }) => name === key)),
    ),
    uniform: fieldsOf(kernel, sizes),
    buffers: {
      [names[1]]: buffers[contract.operands[0]],
      [names[2]]: buffers[contract.operands[1]],
      [names[3]]: outputs[0].tensor,
    },
    workgroups: [x, y, z],
  };
}

function definition(code: string): Kernel {
  try {
    return defineKernel({ name: "custom", code });
  } catch (error) {
    throw new InputError((error as Error).message);
  }
}

/** Those of the sizes that the kernel's record has. */
function fieldsOf({ bindings }: Kernel, sizes: Readonly<Record<string, number>>) {
  const { layout } = bindings[0];
  const fields = layout.kind === "struct" ? layout.fields.map(({ name }) => name) : [];
  return Object.fromEntries(Object.entries(sizes).filter(([name]) => fields.includes(name)));
}
