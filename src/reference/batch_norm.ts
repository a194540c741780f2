/**
 * Batch normalisation in double precision, as `torch.nn.BatchNorm2d`. Layout `[N, C, H, W]`; with
 * `m = N*H*W` values per channel:
 *
 *     mean = sum x / m         variance = sum (x - mean)^2 / m
 *     normal = (x - mean) / sqrt(variance + eps)         y = weight * normal + bias
 *     running <- (1 - momentum) * running + momentum * [mean, variance * m / (m - 1)]
 */

import type { Shape4 } from "./conv2d.ts";

/** PyTorch's defaults. */
export const BATCH_NORM_EPSILON = 1e-5;
export const BATCH_NORM_MOMENTUM = 0.1;

/** What one training forward pass gives: its output, what backward needs, and the new statistics. */
export interface BatchNormResult {
  /** `[N, C, H, W]` */
  y: Float64Array;
  /** `[C]`, of this batch */
  mean: Float64Array;
  /** `[C]`, `1 / sqrt(variance + eps)` of this batch, biased variance */
  inverseDeviation: Float64Array;
  /** `[C]`, after this batch */
  runningMean: Float64Array;
  /** `[C]`, after this batch; the batch enters with its unbiased variance */
  runningVariance: Float64Array;
}

/** Normalises by the batch's own statistics. The running statistics given are left unchanged. */
export function batchNormTrain(
  x: Float64Array,
  shape: Shape4,
  weight: Float64Array,
  bias: Float64Array,
  runningMean: Float64Array,
  runningVariance: Float64Array,
  { epsilon = BATCH_NORM_EPSILON, momentum = BATCH_NORM_MOMENTUM } = {},
): BatchNormResult {
  const [n, channels, h, w] = shape;
  const m = n * h * w;
  const mean = new Float64Array(channels);
  eachValue(shape, (c, i) => mean[c] += x[i] / m);
  const variance = new Float64Array(channels);
  eachValue(shape, (c, i) => variance[c] += (x[i] - mean[c]) ** 2 / m);
  const inverseDeviation = variance.map((value) => 1 / Math.sqrt(value + epsilon));
  const y = new Float64Array(x.length);
  eachValue(shape, (c, i) => y[i] = weight[c] * (x[i] - mean[c]) * inverseDeviation[c] + bias[c]);
  const move = (running: Float64Array, batch: (c: number) => number) =>
    running.map((value, c) => (1 - momentum) * value + momentum * batch(c));
  return {
    y,
    mean,
    inverseDeviation,
    runningMean: move(runningMean, (c) => mean[c]),
    runningVariance: move(runningVariance, (c) => variance[c] * m / (m - 1)),
  };
}

/** Normalises by the running statistics. */
export function batchNormEval(
  x: Float64Array,
  shape: Shape4,
  weight: Float64Array,
  bias: Float64Array,
  runningMean: Float64Array,
  runningVariance: Float64Array,
  { epsilon = BATCH_NORM_EPSILON } = {},
): Float64Array {
  const y = new Float64Array(x.length);
  eachValue(shape, (c, i) => {
    const deviation = Math.sqrt(runningVariance[c] + epsilon);
    y[i] = weight[c] * (x[i] - runningMean[c]) / deviation + bias[c];
  });
  return y;
}

/**
 * The gradients of {@linkcode batchNormTrain}, through mean and variance; with `g` = d loss / d y:
 *
 *     gradBias = sum g         gradWeight = sum g * normal
 *     gradInput = weight / deviation * (g - gradBias / m - normal * gradWeight / m)
 */
export function batchNormBackward(
  gradOutput: Float64Array,
  x: Float64Array,
  shape: Shape4,
  weight: Float64Array,
  { mean, inverseDeviation }: Pick<BatchNormResult, "mean" | "inverseDeviation">,
): { gradInput: Float64Array; gradWeight: Float64Array; gradBias: Float64Array } {
  const [n, channels, h, w] = shape;
  const m = n * h * w;
  const gradBias = new Float64Array(channels);
  const gradWeight = new Float64Array(channels);
  eachValue(shape, (c, i) => {
    gradBias[c] += gradOutput[i];
    gradWeight[c] += gradOutput[i] * (x[i] - mean[c]) * inverseDeviation[c];
  });
  const gradInput = new Float64Array(x.length);
  eachValue(shape, (c, i) => {
    const normal = (x[i] - mean[c]) * inverseDeviation[c];
    gradInput[i] = weight[c] * inverseDeviation[c] *
      (gradOutput[i] - gradBias[c] / m - normal * gradWeight[c] / m);
  });
  return { gradInput, gradWeight, gradBias };
}

/** Visits every element `i` with its channel `c`. */
function eachValue([n, channels, h, w]: Shape4, visit: (c: number, i: number) => void): void {
  for (let image = 0; image < n; image++) {
    for (let c = 0; c < channels; c++) {
      const begin = (image * channels + c) * h * w;
      for (let i = begin; i < begin + h * w; i++) visit(c, i);
    }
  }
}
