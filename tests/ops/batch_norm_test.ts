/** Batch norm kernels, with ReLU and shortcut as the network fuses them, against the twins. */

import assert from "node:assert/strict";
import {
  batchNormScratch,
  recordBatchNormApply,
  recordBatchNormBackwardApply,
  recordBatchNormBackwardReduce,
  recordBatchNormFinalize,
  recordBatchNormInference,
  recordBatchNormStatistics,
  type ReluMask,
} from "../../src/ops/batch_norm.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { range } from "../../src/gpu/tensor.ts";
import { Random } from "../../src/random.ts";
import {
  batchNormBackward,
  batchNormEval,
  batchNormTrain,
} from "../../src/reference/batch_norm.ts";
import { assertClose } from "../support/assert_close.ts";
import type { Shape4 } from "../../src/reference/conv2d.ts";
import { readGolden, readGoldenJson } from "../support/golden.ts";
import { reluBackward, reluForward } from "../../src/reference/relu.ts";
import type { StoredType } from "../../src/ops/storage.ts";
import { assertStored, gpuTests, storable, Workbench } from "../support/gpu.ts";
import {
  channelsOf,
  fromNhwc,
  nhwcLength,
  normals,
  padded,
  toChannels,
  toNhwc,
} from "../../src/reference/layout.ts";

const test = await gpuTests();
const TOLERANCE = 5e-6;

/** One activation in segments of so many rows, and its layer. */
interface Problem {
  z: Float64Array;
  shape: Shape4;
  segments: number[];
  weight: Float64Array;
  bias: Float64Array;
  runningMean: Float64Array;
  runningVariance: Float64Array;
  gy: Float64Array;
}

type Shortcut = "none" | "identity" | "normalised";

interface Fused {
  relu: boolean;
  shortcut: Shortcut;
  /** `[N, C, H, W]`, added before the ReLU. */
  residual: Float64Array;
}

interface Results {
  y: Float64Array;
  /** Gradient behind the ReLU: what reaches batch norm and shortcut. */
  masked: Float64Array;
  gz: Float64Array;
  gWeight: Float64Array;
  gBias: Float64Array;
  runningMean: Float64Array;
  runningVariance: Float64Array;
  evaluated: Float64Array;
}

const unfused: Fused = { relu: false, shortcut: "none", residual: new Float64Array() };

async function compute(
  gpu: Gpu,
  problem: Problem,
  fused = unfused,
  type: StoredType = "f32",
): Promise<Results> {
  let results: Results | undefined;
  await Workbench.with(gpu, async (bench) => {
    const { shape: nchw, weight, bias } = problem;
    const [rows, channels, height, width] = nchw;
    const channels4 = padded(channels) / 4;
    const area = height * width;
    const shape = { channels4, segments: problem.segments.map((n) => n * area) };
    const inferred = { channels4, segments: [rows * area] };
    const sizes = batchNormScratch(channels4);
    const z = bench.stored(type, toNhwc(problem.z, nchw));
    const gy = bench.f32(toNhwc(problem.gy, nchw));
    const affine = range(bench.f32(toChannels(weight, bias)));
    const running = bench.f32(toChannels(problem.runningMean, problem.runningVariance));
    const spare = bench.f32(toChannels(problem.runningMean, problem.runningVariance));
    const partials = bench.f32(sizes.partials);
    const statistics = bench.f32(sizes.statistics);
    const unused = bench.f32(sizes.statistics);
    const shortcutStatistics = bench.f32(sizes.statistics);
    const gradients = range(bench.f32(2 * padded(channels)));
    const [y, evaluated] = [0, 0].map(() => bench.stored(type, nhwcLength(nchw)));
    const dz = bench.f32(nhwcLength(nchw));
    const common = { label: "norm", shape, partials };
    const state = { affine, running: range(running), statistics };
    const normalised = fused.shortcut === "normalised";
    const values = fused.shortcut === "none"
      ? null
      : bench.stored(type, toNhwc(fused.residual, nchw));
    // The mask as the network asks for it: by its own output where nothing is added before the ReLU.
    const mask: ReluMask = !fused.relu ? null : values ? { y } : "own output";
    const shortcutState = { affine, running: range(spare), statistics: shortcutStatistics };
    await bench.run([
      ...(normalised
        ? [
          recordBatchNormStatistics({ ...common, z: values! }),
          recordBatchNormFinalize({ ...common, ...shortcutState }),
        ]
        : []),
      recordBatchNormStatistics({ ...common, z }),
      recordBatchNormApply({
        ...common,
        ...state,
        z,
        residual: values && { values, statistics: normalised ? shortcutStatistics : null },
        relu: fused.relu,
        y,
      }),
      recordBatchNormBackwardReduce({ ...common, z, mask, gy, statistics }),
      recordBatchNormBackwardApply({ ...common, z, mask, gy, statistics, gradients, dz }),
      recordBatchNormApply({
        label: "inference",
        shape: inferred,
        ...state,
        statistics: unused,
        z,
        partials: null,
        residual: null,
        relu: false,
        y: evaluated,
      }),
    ]);
    const read = await bench.read(y, gy, dz, gradients.tensor, running, evaluated);
    results = {
      y: fromNhwc(read[0], nchw),
      // Written back only where a shortcut needs it.
      masked: mask === "own output"
        ? reluBackward(problem.gy, fromNhwc(read[0], nchw))
        : fromNhwc(read[1], nchw),
      gz: fromNhwc(read[2], nchw),
      gWeight: channelsOf(read[3], 0, channels),
      gBias: channelsOf(read[3], 1, channels),
      runningMean: channelsOf(read[4], 0, channels),
      runningVariance: channelsOf(read[4], 1, channels),
      evaluated: fromNhwc(read[5], nchw),
    };
  });
  return results!;
}

/** The same by separate passes of the twins, one per segment. */
function twin(problem: Problem, fused = unfused): Results {
  const { weight, bias, shape: [, channels, h, w] } = problem;
  const row = channels * h * w;
  const sum = (a: Float64Array, b: Float64Array) => a.map((value, i) => value + b[i]);
  const join = (parts: Float64Array[]) => Float64Array.from(parts.flatMap((part) => [...part]));
  let { runningMean, runningVariance } = problem;
  let gWeight: Float64Array = new Float64Array(channels);
  let gBias: Float64Array = new Float64Array(channels);
  const parts = { y: [] as Float64Array[], masked: [] as Float64Array[], gz: [] as Float64Array[] };
  let start = 0;
  for (const rows of problem.segments) {
    const part = (data: Float64Array) => data.slice(start * row, (start + rows) * row);
    const shape: Shape4 = [rows, channels, h, w];
    const z = part(problem.z);
    const result = batchNormTrain(z, shape, weight, bias, runningMean, runningVariance);
    ({ runningMean, runningVariance } = result);
    let before = result.y;
    if (fused.shortcut === "identity") before = sum(before, part(fused.residual));
    if (fused.shortcut === "normalised") {
      const own = batchNormTrain(part(fused.residual), shape, weight, bias, weight, weight);
      before = sum(before, own.y);
    }
    const masked = fused.relu ? reluBackward(part(problem.gy), before) : part(problem.gy);
    const gradients = batchNormBackward(masked, z, shape, weight, result);
    gWeight = sum(gWeight, gradients.gradWeight);
    gBias = sum(gBias, gradients.gradBias);
    parts.y.push(fused.relu ? reluForward(before) : before);
    parts.masked.push(masked);
    parts.gz.push(gradients.gradInput);
    start += rows;
  }
  return {
    y: join(parts.y),
    masked: join(parts.masked),
    gz: join(parts.gz),
    gWeight,
    gBias,
    runningMean,
    runningVariance,
    evaluated: batchNormEval(
      problem.z,
      problem.shape,
      weight,
      bias,
      runningMean,
      runningVariance,
    ),
  };
}

function check(
  found: Results,
  expected: Results,
  what = "batch norm",
  tolerance = TOLERANCE,
  type: StoredType = "f32",
) {
  const close = (part: string, key: keyof Results, stored: StoredType = "f32") =>
    assertStored(stored, `${what} ${part}`, found[key], expected[key], tolerance);
  close("forward", "y", type);
  close("masked gradient", "masked");
  close("input gradient", "gz");
  close("gamma gradient", "gWeight");
  close("beta gradient", "gBias");
  close("running mean", "runningMean");
  close("running variance", "runningVariance");
  close("inference", "evaluated", type);
}

const file = await readGolden("ops");
for (const { name, op } of (await readGoldenJson("ops")).cases) {
  if (op !== "batch_norm") continue;
  test(`batch norm gives the recorded results of ${name}`, async (gpu) => {
    const get = (part: string) => file.get(`${name}/${part}`).data;
    const { data: z, shape } = file.activation(`${name}/x`);
    const problem = {
      z,
      shape,
      segments: [shape[0]],
      weight: get("weight"),
      bias: get("bias"),
      runningMean: get("running_mean_before"),
      runningVariance: get("running_var_before"),
      gy: get("gy"),
    };
    check(
      await compute(gpu, problem),
      {
        y: get("y"),
        masked: problem.gy,
        gz: get("gx"),
        gWeight: get("gweight"),
        gBias: get("gbias"),
        runningMean: get("running_mean_after"),
        runningVariance: get("running_var_after"),
        evaluated: get("y_eval_after"),
      },
      "recorded batch norm",
    );
  });
}

function randomProblem(
  random: Random,
  { channels, height, width, segments }: {
    channels: number;
    height: number;
    width: number;
    segments: number[];
  },
  spread: { mean?: number; deviation?: number } = {},
): Problem {
  const shape: Shape4 = [segments.reduce((a, b) => a + b, 0), channels, height, width];
  const count = shape.reduce((a, b) => a * b, 1);
  return {
    z: normals(random, count, spread),
    shape,
    segments,
    weight: normals(random, channels, { mean: 1, deviation: 0.3 }),
    bias: normals(random, channels),
    runningMean: normals(random, channels),
    runningVariance: normals(random, channels).map((value) => Math.fround(0.1 + value * value)),
    gy: normals(random, count),
  };
}

function randomFused(random: Random, problem: Problem, relu: boolean, shortcut: Shortcut): Fused {
  return { relu, shortcut, residual: normals(random, problem.z.length) };
}

for (const shortcut of ["none", "identity", "normalised"] as const) {
  test(`batch norm, ReLU and shortcut (${shortcut}) agree with the twins`, async (gpu) => {
    for (let seed = 0; seed < 8; seed++) {
      const random = Random.stream(seed, `batch norm test ${shortcut}`);
      const segments = Array.from({ length: 1 + random.below(4) }, () => 1 + random.below(6));
      const problem = randomProblem(random, {
        channels: 1 + random.below(seed % 2 ? 150 : 9),
        height: 1 + random.below(7),
        width: 2 + random.below(7),
        segments,
      });
      const fused = randomFused(random, problem, seed % 3 > 0, shortcut);
      check(await compute(gpu, problem, fused), twin(problem, fused));
      problem.z = storable("f16", problem.z);
      fused.residual = storable("f16", fused.residual);
      const half = await compute(gpu, problem, fused, "f16");
      check(half, twin(problem, fused), "batch norm of f16", TOLERANCE, "f16");
      if (seed === 0) assert.deepEqual(await compute(gpu, problem, fused, "f16"), half);
    }
  });
}

for (const { name, op } of (await readGoldenJson("ops")).cases) {
  if (op !== "relu") continue;
  test(`ReLU in front and its mask behind give the recorded results of ${name}`, async (gpu) => {
    const x = file.get(`${name}/x`).data;
    const shape: Shape4 = [1, 1, 1, x.length];
    const pixels = { channels4: 1, segments: [x.length] };
    await Workbench.with(gpu, async (bench) => {
      // A batch norm that changes nothing: mean 0, variance + epsilon 1, gamma 1, beta 0.
      const variance = Math.fround(1 - 1e-5);
      assert.equal(Math.fround(variance + Math.fround(1e-5)), 1);
      const [z, gy] = ["x", "gy"].map((part) =>
        bench.f32(toNhwc(file.get(`${name}/${part}`).data, shape))
      );
      const y = bench.f32(nhwcLength(shape));
      const sizes = batchNormScratch(1);
      const statistics = bench.f32(toChannels([0], [1], [1], [0]));
      const common = { label: "relu", shape: pixels, z };
      await bench.run([
        recordBatchNormApply({
          ...common,
          affine: range(bench.f32(toChannels([1], [0]))),
          running: range(bench.f32(toChannels([0], [variance]))),
          statistics: bench.f32(sizes.statistics),
          partials: null,
          residual: null,
          relu: true,
          y,
        }),
        recordBatchNormBackwardReduce({
          ...common,
          mask: { y },
          gy,
          statistics,
          partials: bench.f32(sizes.partials),
        }),
      ]);
      const [found, masked] = await bench.read(y, gy);
      // Exact, but for the sign of zeros.
      const exact = (what: string, tensor: ArrayLike<number>, part: string) =>
        assertClose(what, fromNhwc(tensor, shape), file.get(`${name}/${part}`).data, 1e-30);
      exact("ReLU forward", found, "y");
      exact("ReLU gradient", masked, "gx");
    });
  });
}

test("batch norm sums over many chunks of pixels as the twin does", async (gpu) => {
  const random = Random.stream(0, "batch norm chunks");
  // More than 64 chunks of 256 pixels in the first segment, three in the second.
  for (const [channels, segments] of [[1, [17, 1]], [9, [3, 1]]] as const) {
    const sizes = { channels, height: 32, width: 33, segments: [...segments] };
    const problem = randomProblem(random, sizes, { mean: 2, deviation: 3 });
    check(await compute(gpu, problem), twin(problem));
  }
});

test("two segments are normalised as two separate forward passes", async (gpu) => {
  const random = Random.stream(1, "batch norm segments");
  const problem = randomProblem(random, { channels: 6, height: 5, width: 3, segments: [3, 5] });
  // Rows of very different size: statistics over both segments would be far off.
  problem.z.forEach((value, i) => problem.z[i] = i < 3 * 90 ? value : Math.fround(50 * value + 9));
  check(await compute(gpu, problem), twin(problem));
  const whole = { ...problem, segments: [8] };
  assert.notDeepEqual((await compute(gpu, problem)).y, (await compute(gpu, whole)).y);
});

test("batch norm is exact enough for a large mean and a small variance", async (gpu) => {
  const sizes = { channels: 5, height: 9, width: 11, segments: [4, 3] };
  for (const deviation of [10, 1, 0.05]) {
    const random = Random.stream(2, "batch norm extremes");
    const problem = randomProblem(random, sizes, { mean: 1000, deviation });
    problem.runningMean.fill(1000);
    problem.runningVariance.fill(Math.fround(deviation ** 2));
    const [found, expected] = [await compute(gpu, problem), twin(problem)];
    // The mean as an f32 is 3e-5 off: that part of a deviation is what y must be off by.
    const tolerance = 2e-6 + 5e-5 / deviation;
    const what = `batch norm of mean 1000, deviation ${deviation}`;
    assertClose(`${what}, forward`, found.y, expected.y, tolerance);
    assertClose(`${what}, input gradient`, found.gz, expected.gz, tolerance);
    // No squares of the mean are subtracted from each other.
    const { runningVariance } = found;
    assertClose(`${what}, variance`, runningVariance, expected.runningVariance, 1e-5);
    assertClose(`${what}, mean`, found.runningMean, expected.runningMean, 1e-6);
  }
});

test("a channel of constants is normalised to its beta and gets no infinite gradient", async (gpu) => {
  const random = Random.stream(3, "batch norm constants");
  const problem = randomProblem(random, { channels: 3, height: 4, width: 4, segments: [2] });
  problem.z.fill(0.7300000190734863);
  check(await compute(gpu, problem), twin(problem), "batch norm of constants", 1e-4);
});

test("the ReLU does not hide a number that is not one", async (gpu) => {
  const random = Random.stream(7, "batch norm NaN");
  const problem = randomProblem(random, { channels: 4, height: 2, width: 2, segments: [2] });
  problem.weight[1] = NaN;
  const fused: Fused = { relu: true, shortcut: "none", residual: new Float64Array() };
  const { y } = await compute(gpu, problem, fused);
  y.forEach((value, i) =>
    assert.equal(Number.isNaN(value), Math.floor(i / 4) % 4 === 1, `y[${i}]`)
  );
});

test("batch norm gives the same bits each time", async (gpu) => {
  const random = Random.stream(4, "batch norm again");
  const problem = randomProblem(random, { channels: 7, height: 13, width: 9, segments: [5, 6] });
  assert.deepEqual(await compute(gpu, problem), await compute(gpu, problem));
});

test("training batch norm on one value per channel is refused", async (gpu) => {
  const random = Random.stream(5, "batch norm single");
  const problem = randomProblem(random, { channels: 4, height: 1, width: 1, segments: [3, 1] });
  await assert.rejects(compute(gpu, problem), /at least 2 are needed; use a larger batch/);
});

test("more than four segments are refused", async (gpu) => {
  const random = Random.stream(6, "batch norm many");
  const sizes = { channels: 4, height: 2, width: 2, segments: [1, 1, 1, 1, 1] };
  await assert.rejects(compute(gpu, randomProblem(random, sizes)), /5 segments/);
});

test("inference normalises a shortcut by its own running statistics", async (gpu) => {
  const random = Random.stream(8, "batch norm inference");
  const problem = randomProblem(random, { channels: 5, height: 3, width: 3, segments: [4] });
  const { shape: nchw, weight, bias, runningMean, runningVariance } = problem;
  const shortcut = normals(random, problem.z.length);
  await Workbench.with(gpu, async (bench) => {
    const sizes = batchNormScratch(2);
    const state = {
      affine: range(bench.f32(toChannels(weight, bias))),
      running: range(bench.f32(toChannels(runningMean, runningVariance))),
    };
    const other = {
      affine: range(bench.f32(toChannels(bias, weight))),
      running: range(bench.f32(toChannels(bias, runningVariance))),
      statistics: bench.f32(sizes.statistics),
    };
    const y = bench.f32(nhwcLength(nchw));
    await bench.run([
      recordBatchNormInference({ ...other, channels4: 2, label: "shortcut" }),
      recordBatchNormApply({
        ...state,
        statistics: bench.f32(sizes.statistics),
        label: "inference",
        shape: { channels4: 2, segments: [36] },
        z: bench.f32(toNhwc(problem.z, nchw)),
        partials: null,
        residual: {
          values: bench.f32(toNhwc(shortcut, nchw)),
          statistics: other.statistics,
        },
        relu: true,
        y,
      }),
    ]);
    const main = batchNormEval(problem.z, nchw, weight, bias, runningMean, runningVariance);
    const added = batchNormEval(shortcut, nchw, bias, weight, bias, runningVariance);
    const [found] = await bench.read(y);
    const expected = reluForward(main.map((value, i) => value + added[i]));
    assertClose("batch norm inference with shortcut", fromNhwc(found, nchw), expected, TOLERANCE);
  });
});
