import forwardCode from "../../shaders/linear_forward.wgsl" with { type: "text" };
import inputGradientCode from "../../shaders/linear_input_gradient.wgsl" with { type: "text" };
import weightGradientCode from "../../shaders/linear_weight_gradient.wgsl" with { type: "text" };
import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import type { Tensor, TensorRange } from "../gpu/tensor.ts";
import { groupsOf64WithoutStride } from "./dispatch_size.ts";
import { shader } from "./shader.ts";

const forward = shader("linear_forward", forwardCode);
const inputGradient = shader("linear_input_gradient", inputGradientCode);
const weightGradient = shader("linear_weight_gradient", weightGradientCode);

/** Its kernels. */
export const linearKernels = { forward, inputGradient, weightGradient };

/** Rows, and groups of 4 of the input channels and of the heads. */
export interface LinearShape {
  readonly rows: number;
  readonly channels4: number;
  readonly heads4: number;
}

const dims = ({ rows, channels4, heads4 }: LinearShape) => ({ rows, channels4, heads4 });

/** logits = features weight + bias; weight is `[channels, heads]`, head fastest. */
export function recordLinearForward(
  shape: LinearShape,
  features: Tensor,
  weight: TensorRange,
  bias: TensorRange,
  logits: Tensor,
): Dispatch {
  return dispatch({
    kernel: forward,
    uniform: dims(shape),
    buffers: { features, weight, bias, logits },
    workgroups: [groupsOf64WithoutStride(forward.name, shape.rows * shape.heads4)],
  });
}

/** Gradient of the features. */
export function recordLinearInputGradient(
  shape: LinearShape,
  gLogits: Tensor,
  weight: TensorRange,
  gFeatures: Tensor,
): Dispatch {
  return dispatch({
    kernel: inputGradient,
    uniform: dims(shape),
    buffers: { gLogits, weight, gFeatures },
    workgroups: [groupsOf64WithoutStride(inputGradient.name, shape.rows * shape.channels4)],
  });
}

/** Gradients of weight and bias, written into their places of the flat gradient table. */
export function recordLinearWeightGradient(
  shape: LinearShape,
  features: Tensor,
  gLogits: Tensor,
  gWeight: TensorRange,
  gBias: TensorRange,
): Dispatch {
  return dispatch({
    kernel: weightGradient,
    uniform: dims(shape),
    buffers: { features, gLogits, gWeight, gBias },
    workgroups: [
      groupsOf64WithoutStride(weightGradient.name, (4 * shape.channels4 + 1) * shape.heads4),
    ],
  });
}
