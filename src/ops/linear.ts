import forwardCode from "../../shaders/linear_forward.wgsl" with { type: "text" };
import inputGradientCode from "../../shaders/linear_input_gradient.wgsl" with { type: "text" };
import weightGradientCode from "../../shaders/linear_weight_gradient.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import { type Dispatch, words } from "../gpu/program.ts";
import type { Tensor, TensorRange } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";

const forward = defineKernel({
  name: "linear_forward",
  code: forwardCode,
  bindings: { dims: "uniform", features: "read", weight: "read", bias: "read", logits: "write" },
});
const inputGradient = defineKernel({
  name: "linear_input_gradient",
  code: inputGradientCode,
  bindings: { dims: "uniform", gLogits: "read", weight: "read", gFeatures: "write" },
});
const weightGradient = defineKernel({
  name: "linear_weight_gradient",
  code: weightGradientCode,
  bindings: {
    dims: "uniform",
    features: "read",
    gLogits: "read",
    gWeight: "write",
    gBias: "write",
  },
});

/** Rows, and groups of 4 of the input channels and of the heads. */
export interface LinearShape {
  readonly rows: number;
  readonly channels4: number;
  readonly heads4: number;
}

const dims = (shape: LinearShape) => words(shape.rows, shape.channels4, shape.heads4, 0);

/** logits = features weight + bias; weight is `[channels, heads]`, head fastest. */
export function recordLinearForward(
  shape: LinearShape,
  features: Tensor,
  weight: TensorRange,
  bias: TensorRange,
  logits: Tensor,
): Dispatch {
  return {
    kernel: forward,
    uniform: dims(shape),
    buffers: [features, weight, bias, logits],
    workgroups: [groupsOf64(shape.rows * shape.heads4)],
  };
}

/** Gradient of the features. */
export function recordLinearInputGradient(
  shape: LinearShape,
  gLogits: Tensor,
  weight: TensorRange,
  gFeatures: Tensor,
): Dispatch {
  return {
    kernel: inputGradient,
    uniform: dims(shape),
    buffers: [gLogits, weight, gFeatures],
    workgroups: [groupsOf64(shape.rows * shape.channels4)],
  };
}

/** Gradients of weight and bias, written into their places of the flat gradient table. */
export function recordLinearWeightGradient(
  shape: LinearShape,
  features: Tensor,
  gLogits: Tensor,
  gWeight: TensorRange,
  gBias: TensorRange,
): Dispatch {
  return {
    kernel: weightGradient,
    uniform: dims(shape),
    buffers: [features, gLogits, gWeight, gBias],
    workgroups: [groupsOf64((4 * shape.channels4 + 1) * shape.heads4)],
  };
}
