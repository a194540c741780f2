/** The plain twins against the official operations recorded in `tests/golden/ops.safetensors`. */

import assert from "node:assert/strict";
import {
  batchNormBackward,
  batchNormEval,
  batchNormTrain,
} from "../../src/reference/batch_norm.ts";
import { assertClose } from "../support/assert_close.ts";
import {
  conv2dForward,
  conv2dInputGradient,
  conv2dWeightGradient,
  type Shape4,
} from "../../src/reference/conv2d.ts";
import { crossEntropy } from "../../src/reference/cross_entropy.ts";
import { readGolden, readGoldenJson } from "../support/golden.ts";
import { linearBackward, linearForward } from "../../src/reference/linear.ts";
import { meanSquaredError } from "../../src/reference/mse.ts";
import { globalAverageBackward, globalAverageForward } from "../../src/reference/pool.ts";
import { reluBackward, reluForward } from "../../src/reference/relu.ts";
import { sgdStep } from "../../src/reference/sgd.ts";

/** The recordings are float32, so no double can be nearer than about 1e-7. */
const TOLERANCE = 1e-5;

interface Case {
  name: string;
  op: string;
  [option: string]: unknown;
}

const file = await readGolden("ops");
const cases: Case[] = (await readGoldenJson("ops")).cases;

const checks: Record<string, (test: Case) => void> = {
  conv2d: ({ name, stride, pad }) => {
    const x = file.activation(`${name}/x`);
    const w = file.activation(`${name}/w`);
    const gy = data(`${name}/gy`);
    const options = { stride: Number(stride), padding: Number(pad) };
    const close = closeTo(name, "conv2d");
    close("forward", "y", conv2dForward(x.data, x.shape, w.data, w.shape, options));
    close("input gradient", "gx", conv2dInputGradient(gy, x.shape, w.data, w.shape, options));
    close("weight gradient", "gw", conv2dWeightGradient(gy, x.data, x.shape, w.shape, options));
  },
  batch_norm: ({ name, eps, momentum }) => {
    const { data: x, shape } = file.activation(`${name}/x`);
    const [weight, bias] = [data(`${name}/weight`), data(`${name}/bias`)];
    const before = ["mean", "var"].map((part) => data(`${name}/running_${part}_before`));
    const options = { epsilon: Number(eps), momentum: Number(momentum) };
    const result = batchNormTrain(x, shape, weight, bias, before[0], before[1], options);
    const { runningMean, runningVariance } = result;
    const gradients = batchNormBackward(data(`${name}/gy`), x, shape, weight, result);
    const close = closeTo(name, "batch norm");
    close("train forward", "y", result.y);
    close("input gradient", "gx", gradients.gradInput);
    close("weight gradient", "gweight", gradients.gradWeight);
    close("bias gradient", "gbias", gradients.gradBias);
    close("running mean", "running_mean_after", runningMean);
    close("running variance", "running_var_after", runningVariance);
    const y = batchNormEval(x, shape, weight, bias, runningMean, runningVariance, options);
    close("eval forward", "y_eval_after", y);
  },
  relu: ({ name }) => {
    const close = closeTo(name, "relu");
    close("forward", "y", reluForward(data(`${name}/x`)));
    close("backward", "gx", reluBackward(data(`${name}/gy`), data(`${name}/x`)));
  },
  avg_pool2d: ({ name, kernel }) => {
    const { data: x, shape } = file.activation(`${name}/x`);
    assert.equal(kernel, shape[2], "the network only pools whole maps");
    const close = closeTo(name, "global average");
    close("forward", "y", globalAverageForward(x, shape));
    close("backward", "gx", globalAverageBackward(data(`${name}/gy`), shape));
  },
  linear: ({ name }) => {
    const { data: x, shape: [rows, inputs] } = file.get(`${name}/x`);
    const { data: w, shape: [outputs] } = file.get(`${name}/w`);
    const sizes = { rows, inputs, outputs };
    const gradients = linearBackward(data(`${name}/gy`), x, w, sizes);
    const close = closeTo(name, "linear");
    close("forward", "y", linearForward(x, w, data(`${name}/b`), sizes));
    close("input gradient", "gx", gradients.gradInput);
    close("weight gradient", "gw", gradients.gradWeight);
    close("bias gradient", "gb", gradients.gradBias);
  },
  cross_entropy: ({ name, fill }) => {
    const { data: logits, shape: [, heads] } = file.get(`${name}/logits`);
    const open = data(`${name}/closed`).map((closed) => 1 - closed);
    const closedValue = fill === "-inf" ? -Infinity : undefined;
    const result = crossEntropy(logits, data(`${name}/labels`), heads, { open, closedValue });
    const close = closeTo(name, "cross-entropy");
    close("loss", "loss", Float64Array.of(result.loss));
    close("gradient", "glogits", result.gradLogits);
  },
  mse_loss: ({ name }) => {
    const { loss, gradInput } = meanSquaredError(data(`${name}/x`), data(`${name}/target`));
    const close = closeTo(name, "mean squared error");
    close("loss", "loss", Float64Array.of(loss));
    close("gradient", "gx", gradInput);
  },
  sgd: ({ name, lr, momentum, weight_decay, nesterov }) => {
    const options = {
      learningRate: Number(lr),
      momentum: Number(momentum ?? 0),
      weightDecay: Number(weight_decay ?? 0),
      nesterov: Boolean(nesterov),
    };
    let value = data(`${name}/p0`);
    let velocity: Float64Array = new Float64Array(value.length);
    for (let step = 0; step < 4; step++) {
      ({ value, velocity } = sgdStep(value, data(`${name}/g${step}`), velocity, options));
      closeTo(name, "sgd")("update", `p${step + 1}`, value);
    }
  },
};

/** The network has no such operation. */
const UNUSED = new Set(["max_pool2d"]);

for (const test of cases.filter(({ op }) => !UNUSED.has(op))) {
  Deno.test(`the plain ${test.op} agrees with the recorded case ${test.name}`, () => {
    checks[test.op](test);
  });
}

Deno.test("every operation of the network has recorded cases", () => {
  const ops = new Set(cases.map(({ op }) => op));
  assert.deepEqual(Object.keys(checks).filter((op) => !ops.has(op)), []);
});

Deno.test("conv2d refuses a weight for another number of channels", () => {
  const x: Shape4 = [1, 32, 4, 4];
  const w: Shape4 = [8, 64, 3, 3];
  const options = { stride: 1, padding: 1 };
  const empty = new Float64Array();
  assert.throws(() => conv2dForward(empty, x, empty, w, options), /expects 64 input channels/);
});

function data(name: string): Float64Array {
  return file.get(name).data;
}

function closeTo(name: string, op: string) {
  return (what: string, tensor: string, actual: Float64Array) =>
    assertClose(`${op} ${what}`, actual, data(`${name}/${tensor}`), TOLERANCE);
}
