/** The backward halves of the plain twins against finite differences of their forward halves. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { argmax } from "../../src/reference/argmax.ts";
import { augment } from "../../src/reference/augment.ts";
import { batchNormBackward, batchNormTrain } from "../../src/reference/batch_norm.ts";
import { assertClose, assertGradient } from "../support/assert_close.ts";
import {
  conv2dForward,
  conv2dInputGradient,
  conv2dOutputShape,
  conv2dWeightGradient,
  type Shape4,
} from "../../src/reference/conv2d.ts";
import { crossEntropy, LOWEST_FLOAT32 } from "../../src/reference/cross_entropy.ts";
import { linearBackward, linearForward } from "../../src/reference/linear.ts";
import { meanSquaredError } from "../../src/reference/mse.ts";
import { globalAverageBackward, globalAverageForward } from "../../src/reference/pool.ts";
import { sgdStep } from "../../src/reference/sgd.ts";

/** Values in -2..2, the same in every run. */
function values(count: number, seed: number): Float64Array {
  let state = seed * 2654435761 + 1;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 30 - 2;
  });
}

/** A loss whose gradient with respect to `y` is `weights`. */
function dot(y: Float64Array, weights: Float64Array): number {
  return y.reduce((sum, value, i) => sum + value * weights[i], 0);
}

const convolutions: [Shape4, Shape4, number, number][] = [
  [[2, 3, 5, 4], [2, 3, 3, 3], 1, 1],
  [[2, 2, 7, 6], [3, 2, 3, 3], 2, 1],
  [[1, 2, 5, 5], [3, 2, 1, 1], 2, 0],
  [[2, 1, 6, 7], [2, 1, 2, 5], 3, 2],
  [[1, 2, 1, 1], [2, 2, 3, 3], 1, 1],
];

for (const [xShape, wShape, stride, padding] of convolutions) {
  const kernel = `${wShape[2]}x${wShape[3]}, stride ${stride}, padding ${padding}`;
  Deno.test(`conv2d ${kernel} of [${xShape}] has the gradients of finite differences`, () => {
    const options = { stride, padding };
    const size = (shape: Shape4) => shape.reduce((a, b) => a * b, 1);
    const x = values(size(xShape), 1);
    const w = values(size(wShape), 2);
    const g = values(size(conv2dOutputShape(xShape, wShape, options)), 3);
    const f = () => dot(conv2dForward(x, xShape, w, wShape, options), g);
    const gradInput = conv2dInputGradient(g, xShape, w, wShape, options);
    assertGradient("conv2d input gradient", f, x, gradInput);
    const gradWeight = conv2dWeightGradient(g, x, xShape, wShape, options);
    assertGradient("conv2d weight gradient", f, w, gradWeight);
  });
}

Deno.test("conv2d is its definition for any size, kernel, stride and padding", () => {
  const size = (max: number) => fc.integer({ min: 1, max });
  const input = fc.tuple(size(2), size(3), size(8), size(8));
  const kernel = fc.tuple(size(3), size(4), size(4));
  fc.assert(
    fc.property(input, kernel, size(4), fc.nat({ max: 3 }), (xShape, k, stride, padding) => {
      const [n, i, h, w] = xShape;
      const [o, a, b] = k;
      fc.pre(h + 2 * padding >= a && w + 2 * padding >= b);
      const x = values(n * i * h * w, 20);
      const weight = values(o * i * a * b, 21);
      const at = (image: number, channel: number, y: number, z: number) =>
        y < 0 || y >= h || z < 0 || z >= w ? 0 : x[((image * i + channel) * h + y) * w + z];
      const [, , p, q] = conv2dOutputShape(xShape, [o, i, a, b], { stride, padding });
      const expected = Float64Array.from({ length: n * o * p * q }, (_, index) => {
        const image = Math.floor(index / (o * p * q));
        const output = Math.floor(index / (p * q)) % o;
        const [y, z] = [Math.floor(index / q) % p, index % q];
        let sum = 0;
        for (let element = 0; element < i * a * b; element++) {
          const channel = Math.floor(element / (a * b));
          const [ky, kx] = [Math.floor(element / b) % a, element % b];
          sum += weight[output * i * a * b + element] *
            at(image, channel, y * stride - padding + ky, z * stride - padding + kx);
        }
        return sum;
      });
      const y = conv2dForward(x, xShape, weight, [o, i, a, b], { stride, padding });
      assertClose("conv2d of any size", y, expected, 1e-12);
    }),
  );
});

Deno.test("batch norm has the gradients of finite differences", () => {
  const shape: Shape4 = [3, 2, 2, 3];
  const x = values(36, 4);
  const [weight, bias, mean, variance] = [5, 6, 7, 8].map((seed) => values(2, seed));
  const g = values(36, 9);
  const f = () => dot(batchNormTrain(x, shape, weight, bias, mean, variance).y, g);
  const result = batchNormTrain(x, shape, weight, bias, mean, variance);
  const gradients = batchNormBackward(g, x, shape, weight, result);
  assertGradient("batch norm input gradient", f, x, gradients.gradInput);
  assertGradient("batch norm weight gradient", f, weight, gradients.gradWeight);
  assertGradient("batch norm bias gradient", f, bias, gradients.gradBias);
});

Deno.test("batch norm of known values gives known statistics", () => {
  const x = Float64Array.of(1, 3, 5, 7);
  const zero = Float64Array.of(0);
  const one = Float64Array.of(1);
  const result = batchNormTrain(x, [2, 1, 1, 2], one, zero, zero, one, { epsilon: 0 });
  assertClose("normal values", result.y, [-3, -1, 1, 3].map((v) => v / Math.sqrt(5)), 1e-14);
  assertClose("running mean", result.runningMean, [0.4], 1e-14);
  assertClose("running variance", result.runningVariance, [0.9 + 0.1 * 20 / 3], 1e-14);
});

const entropies = {
  "all heads open": {},
  "closed heads": { open: [1, 0, 1, 1, 0] },
  "row weights": { rowWeights: [0.5, 0, 2, 0.1] },
  "closed heads and row weights": { open: [1, 0, 1, 1, 0], rowWeights: [0.5, 0, 2, 0.1] },
};

for (const [what, options] of Object.entries(entropies)) {
  Deno.test(`cross-entropy with ${what} has the gradient of finite differences`, () => {
    const logits = values(20, 10);
    const labels = [0, 2, 3, 3];
    const f = () => crossEntropy(logits, labels, 5, options).loss;
    const { gradLogits } = crossEntropy(logits, labels, 5, options);
    assertGradient("cross-entropy gradient", f, logits, gradLogits);
  });
}

Deno.test("cross-entropy of a row labelled with a closed head is the depth of the mask", () => {
  const { rowLosses } = crossEntropy(Float64Array.of(1, 2), [0], 2, { open: [0, 1] });
  assert.deepEqual(rowLosses, Float64Array.of(-LOWEST_FLOAT32));
});

Deno.test("linear and mean squared error have the gradients of finite differences", () => {
  const sizes = { rows: 3, inputs: 4, outputs: 2 };
  const [x, w, b, target] = [values(12, 11), values(8, 12), values(2, 13), values(6, 14)];
  const f = () => meanSquaredError(linearForward(x, w, b, sizes), target).loss;
  const { gradInput: g } = meanSquaredError(linearForward(x, w, b, sizes), target);
  const gradients = linearBackward(g, x, w, sizes);
  assertGradient("linear input gradient", f, x, gradients.gradInput);
  assertGradient("linear weight gradient", f, w, gradients.gradWeight);
  assertGradient("linear bias gradient", f, b, gradients.gradBias);
});

Deno.test("global average has the gradient of finite differences", () => {
  const shape: Shape4 = [2, 3, 2, 2];
  const [x, g] = [values(24, 15), values(6, 16)];
  const f = () => dot(globalAverageForward(x, shape), g);
  assertGradient("global average gradient", f, x, globalAverageBackward(g, shape));
});

Deno.test("sgd leaves a frozen value and its velocity alone, whatever momentum and decay are", () => {
  const options = { learningRate: 0.1, momentum: 0.9, weightDecay: 0.5, nesterov: true };
  const [value, gradient, velocity] = [values(4, 17), values(4, 18), values(4, 19)];
  const step = sgdStep(value, gradient, velocity, { ...options, frozen: [1, 0, 1, 0] });
  const free = sgdStep(value, gradient, velocity, options);
  for (const i of [0, 2]) {
    assert.equal(step.value[i], value[i]);
    assert.equal(step.velocity[i], velocity[i]);
  }
  for (const i of [1, 3]) {
    assert.equal(step.value[i], free.value[i]);
    assert.notEqual(step.value[i], value[i]);
    assert.equal(step.velocity[i], free.velocity[i]);
  }
});

Deno.test("argmax takes the first of equal logits and skips heads that are not allowed", () => {
  const logits = [1, 3, 3, 2, -5, -Infinity, -5, -9];
  assert.deepEqual(argmax(logits, 4), [1, 0]);
  assert.deepEqual(argmax(logits, 4, [1, 0, 0, 1]), [3, 0]);
  assert.deepEqual(argmax(logits, 4, [0, 1, 0, 0]), [1, 1]);
  assert.deepEqual(argmax([NaN, 1, 1, NaN, 1, 2], 2, [0, 1]), [1, -1, 1]);
});

/** A 2x3 picture whose bytes tell row, column and channel: 100 * row + 10 * column + channel. */
const picture = [0, 1].flatMap((y) =>
  [0, 1, 2].flatMap((x) => [0, 1, 2].map((c) => 100 * y + 10 * x + c))
);
const plain = { height: 2, width: 3, padding: 1, mean: [0, 0, 0], deviation: [1, 1, 1] };
const shown = (draw: { top: number; left: number; flip: boolean }) =>
  Array.from(augment(picture, [draw], plain), (value) => Math.round(value * 255));

Deno.test("augment without shift or flip only moves the channels to the front", () => {
  const channel = (c: number) => [0, 10, 20, 100, 110, 120].map((value) => value + c);
  assert.deepEqual(shown({ top: 1, left: 1, flip: false }), [0, 1, 2].flatMap(channel));
});

Deno.test("augment crops from the padded picture, then mirrors the crop", () => {
  // Row 0 of the padding, then the first row; the first column is cut off, padding enters right.
  const cropped = shown({ top: 0, left: 2, flip: false }).slice(0, 6);
  assert.deepEqual(cropped, [0, 0, 0, 10, 20, 0]);
  assert.deepEqual(shown({ top: 0, left: 2, flip: true }).slice(0, 6), [0, 0, 0, 0, 20, 10]);
  assert.deepEqual(shown({ top: 2, left: 0, flip: true }).slice(6, 12), [111, 101, 0, 0, 0, 0]);
});

Deno.test("augment normalises each colour, padding included", () => {
  const options = { ...plain, mean: [0.5, 0, 0], deviation: [0.25, 1, 2] };
  const result = augment(picture, [{ top: 0, left: 1, flip: false }], options);
  assert.equal(result[0], -2); // black padding
  assertClose("normalised byte", [result[17]], [22 / 255 / 2], 1e-14);
});
