import type { Gpu } from "../gpu/device.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { StoredType } from "../ops/storage.ts";
import type {
  CaseOutput,
  Conv2dTask,
  Layers,
  NetworkSize,
  PreparedCase,
  ShapedOp,
  Tolerance,
} from "./kernel_case.ts";
import type { Operands } from "./operands.ts";

/** For small shapes: one wrong number out of some thousand is far above. */
const SHORT_SUMS: Tolerance = {
  error: 1e-5,
  why: "rounding of f32, and the freedom that WGSL gives adapters in exp, log, sqrt and division",
};

/** For the shapes of networks. */
const LONG_SUMS: Tolerance = {
  error: 3e-5,
  why: "rounding of f32 in sums of some hundred thousand terms",
};

const EXACT: Tolerance = { error: 0, why: "whole numbers and copies" };

/** What {@linkcode defineOp} makes an operation of. */
export interface OpRecord<Shape> {
  readonly name: string;
  readonly summary: string;
  readonly kernels: readonly Kernel[];
  readonly activations?: boolean;
  /** Whether every number must be met exactly. */
  readonly exact?: boolean;
  /** Whether it is launched only where something is learned; default: no. */
  readonly learns?: boolean;
  readonly small: (stored: StoredType) => readonly Shape[];
  readonly ofNetwork: (
    size: NetworkSize,
    gpu: Gpu,
  ) => readonly (Layers & { readonly shape: Shape })[];
  /** Other ways in which a network launches a shape; default: there is one. */
  readonly forms?: (shape: Shape, size: NetworkSize) => readonly Shape[];
  /** The shape as it is shown. */
  readonly sizes: (shape: Shape) => Readonly<Record<string, number>>;
  readonly cost: (shape: Shape) => { readonly flops: number; readonly bytes: number };
  /** Whether networks with an `imagenet` stem alone launch it at this shape; default: no. */
  readonly imagenetOnly?: (shape: Shape) => boolean;
  readonly task?: (shape: Shape, stored: StoredType) => Conv2dTask;
  readonly prepare: (operands: Operands, shape: Shape, stored: StoredType) => PreparedCase;
}

/** An operation of the table. */
export function defineOp<Shape>(record: OpRecord<Shape>): ShapedOp<Shape> {
  const { name, summary, kernels, activations = false, exact = false } = record;
  const { sizes, cost, task, prepare } = record;
  const caseOf = (shape: Shape, stored: StoredType, tolerance: Tolerance, layers: Layers) => ({
    op: name,
    ...layers,
    shape: sizes(shape),
    ...cost(shape),
    tolerance: exact ? EXACT : tolerance,
    imagenetOnly: record.imagenetOnly?.(shape) ?? false,
    task: task?.(shape, stored) ?? null,
    prepare: (operands: Operands) => prepare(operands, shape, stored),
  });
  const shapesOf = (size: NetworkSize, gpu: Gpu) =>
    record.learns && size.inference ? [] : record.ofNetwork(size, gpu);
  const alone = { layer: "alone", layers: 1 };
  return {
    ...{ name, summary, kernels, activations },
    small: (stored) =>
      record.small(stored).map((shape) => caseOf(shape, stored, SHORT_SUMS, alone)),
    ofNetwork: (size, gpu, stored = "f32") =>
      shapesOf(size, gpu).map(({ shape, ...layers }) => caseOf(shape, stored, LONG_SUMS, layers)),
    otherForms: (size, gpu, stored = "f32") =>
      shapesOf(size, gpu).flatMap(({ shape, ...layers }) =>
        (record.forms?.(shape, size) ?? []).map((form) => caseOf(form, stored, LONG_SUMS, layers))
      ),
    at: (shape, stored = "f32") => caseOf(shape, stored, LONG_SUMS, alone),
  };
}

/** A result of which the whole is known, in the kernel's layout; of a large one some elements are compared. */
export function known(
  operands: Operands,
  name: string,
  tensor: Tensor,
  expected: ArrayLike<number>,
  where: CaseOutput["where"] = (element) => ({ element }),
): CaseOutput {
  const at = operands.places(expected.length);
  return { name, tensor, at, expected: at.map((place) => expected[place]), where };
}

/** A result of which single elements can be computed. */
export function sampled(
  name: string,
  tensor: Tensor,
  at: readonly number[],
  sample: (at: number) => number,
  where: CaseOutput["where"],
): CaseOutput {
  return { name, tensor, at, expected: at.map(sample), where };
}
