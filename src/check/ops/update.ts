import { parameterTable } from "../../net/parameters.ts";
import { BatchRecord } from "../../ops/batch_record.ts";
import { largestKernel, recordLargest } from "../../ops/largest.ts";
import { recordSgd, sgdKernel } from "../../ops/sgd.ts";
import { largestMagnitude } from "../../reference/largest.ts";
import { sgdStep } from "../../reference/sgd.ts";
import { defineOp, known } from "../define_op.ts";
import type { NetworkSize } from "../kernel_case.ts";
import { networkOf } from "../layers.ts";
import type { Operands } from "../operands.ts";

/** A table of parameters, and how they are updated. */
interface UpdateShape {
  readonly parameters: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
  /** Whether about half of the values are frozen. */
  readonly freezes: boolean;
}

const parametersOf = (size: NetworkSize) => parameterTable(networkOf(size)).learnedLength;

/** One for 4 values: 0 is frozen. */
function maskOf(operands: Operands, length: number, freezes: boolean): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: length / 4 }, () => freezes ? operands.below(2) : 1);
}

/** The update of all parameters; frozen ones keep value and velocity. */
export const sgdMasked = defineOp<UpdateShape>({
  name: "sgd_masked",
  summary: "the update of all parameters that are not frozen",
  kernels: [sgdKernel],
  small: () => {
    const common = { parameters: 4 * 77, learningRate: 0.1, freezes: true };
    return [
      { ...common, momentum: 0, weightDecay: 0.01, nesterov: false },
      { ...common, momentum: 0.9, weightDecay: 0.01, nesterov: false },
      { ...common, momentum: 0.9, weightDecay: 0, nesterov: true },
    ];
  },
  ofNetwork: (size) => [
    {
      ...{ layer: "all", layers: 1 },
      shape: {
        ...{ parameters: parametersOf(size), learningRate: 0.5, freezes: false },
        ...{ momentum: 0, weightDecay: 0, nesterov: false },
      },
    },
  ],
  forms: (shape) => [
    { ...shape, momentum: 0.9, weightDecay: 0.01, freezes: true },
    { ...shape, momentum: 0.9, weightDecay: 0.01, nesterov: true },
  ],
  sizes: ({ parameters, momentum, nesterov }) => ({
    parameters,
    ...(momentum > 0 ? { momentum } : {}),
    ...(nesterov ? { nesterov: 1 } : {}),
  }),
  cost: ({ parameters }) => ({ flops: 6 * parameters, bytes: 21 * parameters }),
  prepare: (operands, { parameters: length, learningRate, freezes, ...options }) => {
    const [value, gradient, velocity] = ["values", "gradients", "velocities"]
      .map((name) => operands.values(name, length));
    const mask = maskOf(operands, length, freezes);
    const batch = new BatchRecord(operands.arena, { maxRows: 1, maxMasks: 1, heads: 1 });
    batch.write({ lossSlot: 0, learningRate }, [], []);
    const values = operands.output("values", value);
    const velocities = operands.output("velocities", velocity);
    const at = operands.places(length);
    const some = (from: Float32Array) => Float64Array.from(at, (place) => from[place]);
    const frozen = at.map((place) => mask[place >> 2] === 0);
    const after = sgdStep(some(value), some(gradient), some(velocity), {
      ...options,
      learningRate,
      frozen,
    });
    // Without momentum the kernel keeps no velocities.
    const speed = options.momentum > 0 ? after.velocity : some(velocity);
    const where = (parameter: number) => ({ parameter });
    const tensors = {
      gradients: operands.tensor("gradients", gradient),
      mask: operands.tensor("mask", mask, "u32"),
      ...{ values, velocities },
    };
    return {
      dispatches: () => [recordSgd({ ...options, batch: batch.tensor, ...tensors })],
      outputs: [
        { name: "values", tensor: values, at, expected: after.value, where },
        { name: "velocities", tensor: velocities, at, expected: speed, where },
      ],
    };
  },
});

/** The watch over gradients: the largest magnitudes, as bits. */
export const largest = defineOp<{ readonly parameters: number }>({
  name: "largest",
  summary: "the largest magnitudes of gradients and values",
  kernels: [largestKernel],
  exact: true,
  small: () => [{ parameters: 4 * 300 }],
  ofNetwork: (size) => [
    { layer: "all", layers: 1, shape: { parameters: parametersOf(size) } },
  ],
  sizes: ({ parameters }) => ({ parameters }),
  cost: ({ parameters }) => ({ flops: 2 * parameters, bytes: 9 * parameters }),
  prepare: (operands, { parameters: length }) => {
    const [gradient, value] = ["gradients", "values"].map((name) => operands.values(name, length));
    const mask = maskOf(operands, length, true);
    const masked = mask.indexOf(0) * 4;
    gradient[masked] = 1e9;
    value[masked] = Infinity;
    const magnitudes = [gradient, value].map((values) => largestMagnitude(values, mask));
    const bits = new Uint32Array(Float32Array.from(magnitudes).buffer);
    const result = operands.output("result", new Uint32Array(2), "u32");
    const dispatch = recordLargest({
      gradients: operands.tensor("gradients", gradient),
      values: operands.tensor("values", value),
      mask: operands.tensor("mask", mask, "u32"),
      result,
    });
    return { dispatches: () => [dispatch], outputs: [known(operands, "result", result, bits)] };
  },
});
