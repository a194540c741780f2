import {
  forwardSample,
  inputGradientSample,
  weightGradientSample,
} from "../../reference/conv2d_samples.ts";
import type { Dispatch } from "../../gpu/program.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import {
  conv2dPartials,
  conv2dThreads,
  recordConv2dForward,
  recordConv2dInputGradient,
  recordConv2dWeightGradient,
} from "../../ops/conv2d.ts";
import type { Conv2dPass, Conv2dShape, Conv2dVariant } from "../../ops/conv2d_variants.ts";
import type { StoredType } from "../../ops/storage.ts";
import type { Operands } from "./operands.ts";

/** One pass of a convolution over a batch of noise: how to compute it, and what some elements of the result must be. */
export interface Conv2dProblem {
  readonly dispatches: (variant: Conv2dVariant) => Dispatch[];
  readonly output: Tensor;
  /** Places of the output. */
  readonly at: readonly number[];
  /** What stands there, in double precision from the definition. */
  readonly expected: readonly number[];
}

/** Bytes and operations of a pass: each operand moved once; a multiply-add is two operations. */
export interface Conv2dCost {
  readonly bytes: number;
  readonly flops: number;
}

const padded = (channels: number) => Math.ceil(channels / 4) * 4;

/** Elements of x, y and the weights, channels padded. */
function lengths(layer: Conv2dShape, batch: number) {
  const { inputHeight, inputWidth, outputHeight, outputWidth, kernel } = layer;
  return {
    x: batch * inputHeight * inputWidth * padded(layer.inputChannels),
    y: batch * outputHeight * outputWidth * padded(layer.outputChannels),
    weights: kernel ** 2 * padded(layer.inputChannels) * padded(layer.outputChannels),
  };
}

/** The same for all three passes. */
export function conv2dCost(layer: Conv2dShape, batch: number): Conv2dCost {
  const { x, y, weights } = lengths(layer, batch);
  const outputs = batch * layer.outputHeight * layer.outputWidth * layer.outputChannels;
  return {
    bytes: 4 * (x + y + weights),
    flops: 2 * outputs * layer.inputChannels * layer.kernel ** 2,
  };
}

/** Allocates and fills the operands of a pass; x and y are stored as `stored`. */
export function conv2dProblem(
  operands: Operands,
  pass: Conv2dPass,
  layer: Conv2dShape,
  batch: number,
  stored: StoredType = "f32",
): Conv2dProblem {
  const { inputChannels, outputChannels } = layer;
  const length = lengths(layer, batch);
  const x = () => {
    const values = operands.values(length.x, { channels: inputChannels });
    return stored === "f16" ? new Float32Array(new Float16Array(values)) : values;
  };
  const gy = () => operands.values(length.y, { channels: outputChannels });
  const weights = () => {
    const values = operands.values(length.weights, { channels: outputChannels });
    return values.map((value, i) =>
      Math.floor(i / padded(outputChannels)) % padded(inputChannels) < inputChannels ? value : 0
    );
  };
  const common = { layer, rows: batch };
  const sampled = (
    output: Tensor,
    count: number,
    sample: (at: number) => number,
    dispatches: (variant: Conv2dVariant) => Dispatch[],
  ): Conv2dProblem => {
    const at = operands.places(output.length, count);
    return { dispatches, output, at, expected: at.map(sample) };
  };
  if (pass === "forward") {
    const [a, b] = [x(), weights()];
    const [given, weight] = [operands.tensor("x", a, stored), operands.tensor("weights", b)];
    const y = operands.output("y", length.y, stored);
    return sampled(
      y,
      2000,
      (at) => forwardSample(layer, a, b, at),
      (variant) => recordConv2dForward({ ...common, variant, x: given, weight, y }),
    );
  }
  if (pass === "input_gradient") {
    const [a, b] = [gy(), weights()];
    const [given, weight] = [operands.tensor("gy", a), operands.tensor("weights", b)];
    const gx = operands.output("gx", length.x);
    return sampled(
      gx,
      2000,
      (at) => inputGradientSample(layer, a, b, at),
      (variant) =>
        recordConv2dInputGradient({ ...common, variant, gy: given, weight, addend: null, gx }),
    );
  }
  const [a, b] = [x(), gy()];
  const given = { x: operands.tensor("x", a, stored), gy: operands.tensor("gy", b) };
  const threads = conv2dThreads(operands.gpu);
  const partials = operands.arena.tensor("partials", [conv2dPartials(layer, batch, threads)]);
  const gradient = operands.output("gw", length.weights);
  const pixels = batch * layer.outputHeight * layer.outputWidth;
  return sampled(
    gradient,
    Math.min(1000, Math.ceil(2e7 / pixels)), // as many as a fraction of a second allows
    (at) => weightGradientSample({ ...layer, batch }, a, b, at),
    (variant) =>
      recordConv2dWeightGradient({ ...common, variant, ...given, partials, threads, gradient }),
  );
}
