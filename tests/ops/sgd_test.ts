/** The masked update against the twin; frozen numbers keep every bit. */

import assert from "node:assert/strict";
import { BatchRecord } from "../../src/ops/batch_record.ts";
import { recordSgd, type SgdOptions } from "../../src/ops/sgd.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { Random } from "../../src/random.ts";
import { assertClose } from "../support/assert_close.ts";
import { readGolden, readGoldenJson } from "../support/golden.ts";
import { sgdStep } from "../../src/reference/sgd.ts";
import { assertSameBits, gpuTests, Workbench } from "../support/gpu.ts";
import { normals } from "../../src/reference/layout.ts";

const test = await gpuTests();
const TOLERANCE = 2e-7;

interface Run extends SgdOptions {
  learningRate: number;
  value: ArrayLike<number>;
  velocity: ArrayLike<number>;
  /** One per step. */
  gradients: ArrayLike<number>[];
  /** One per 4 values. */
  mask: ArrayLike<number>;
}

/** Values and velocities after each step. */
async function compute(
  gpu: Gpu,
  { learningRate, value, velocity, gradients, mask, ...options }: Run,
): Promise<{ values: Float32Array; velocities: Float32Array }[]> {
  const steps: { values: Float32Array; velocities: Float32Array }[] = [];
  await Workbench.with(gpu, async (bench) => {
    const batch = new BatchRecord(bench.arena, { maxRows: 1, maxMasks: 1, heads: 1 });
    batch.write({ lossSlot: 0, learningRate }, [], []);
    const values = bench.f32(value);
    const velocities = bench.f32(velocity);
    for (const gradient of gradients) {
      await bench.run([
        recordSgd({
          ...options,
          batch: batch.tensor,
          gradients: bench.f32(gradient),
          mask: bench.u32(mask),
          values,
          velocities,
        }),
      ]);
      const [after, speed] = await bench.read(values, velocities) as Float32Array[];
      steps.push({ values: after, velocities: speed });
    }
  });
  return steps;
}

const file = await readGolden("ops");
for (const recorded of (await readGoldenJson("ops")).cases) {
  if (recorded.op !== "sgd") continue;
  const { name, lr, momentum = 0, weight_decay: weightDecay = 0, nesterov = false } = recorded;
  test(`the update gives the recorded values of ${name}`, async (gpu) => {
    const value = file.get(`${name}/p0`).data;
    const length = Math.ceil(value.length / 4) * 4;
    const fill = (data: Float64Array) => Float64Array.from({ length }, (_, i) => data[i] ?? 0);
    const steps = await compute(gpu, {
      learningRate: lr,
      momentum,
      weightDecay,
      nesterov,
      value: fill(value),
      velocity: new Float64Array(length),
      gradients: [0, 1, 2, 3].map((step) => fill(file.get(`${name}/g${step}`).data)),
      mask: Array(length / 4).fill(1),
    });
    steps.forEach(({ values }, step) => {
      const expected = file.get(`${name}/p${step + 1}`).data;
      assertClose("recorded update", values.subarray(0, value.length), expected, TOLERANCE);
      assert(values.subarray(value.length).every((padding) => padding === 0));
    });
  });
}

const variants: SgdOptions[] = [
  { momentum: 0, weightDecay: 0, nesterov: false },
  { momentum: 0, weightDecay: 0.01, nesterov: false },
  { momentum: 0.9, weightDecay: 0.01, nesterov: false },
  { momentum: 0.9, weightDecay: 0.01, nesterov: true },
];

for (const options of variants) {
  test(`three masked updates agree with the twin: ${JSON.stringify(options)}`, async (gpu) => {
    const random = Random.stream(0, "sgd test");
    const length = 4 * 1237;
    const mask = Array.from({ length: length / 4 }, () => random.below(2));
    const frozen = Array.from({ length }, (_, i) => 1 - mask[i >> 2]);
    const learningRate = 0.1;
    let value = normals(random, length);
    let velocity = normals(random, length);
    const gradients = [0, 1, 2].map(() => normals(random, length));
    const steps = await compute(gpu, {
      ...options,
      learningRate,
      value,
      velocity,
      gradients,
      mask,
    });
    gradients.forEach((gradient, step) => {
      ({ value, velocity } = sgdStep(value, gradient, velocity, {
        ...options,
        learningRate,
        frozen,
      }));
      assertClose("update of values", steps[step].values, value, TOLERANCE);
      // Without momentum the kernel keeps no velocities.
      if (options.momentum > 0) {
        assertClose("update of velocities", steps[step].velocities, velocity, TOLERANCE);
      }
    });
  });

  test(`frozen values and velocities keep every bit: ${JSON.stringify(options)}`, async (gpu) => {
    const random = Random.stream(1, "sgd test");
    const length = 4 * 301;
    const mask = Array.from({ length: length / 4 }, () => random.below(2));
    const value = Float32Array.from(normals(random, length));
    const velocity = Float32Array.from(normals(random, length));
    // Whatever lies in the gradients of what is frozen (nothing computes them), it must not count.
    const gradient = normals(random, length).map((g, i) =>
      mask[i >> 2] ? g : [NaN, Infinity, -0, 1e38][random.below(4)]
    );
    value.set([-0, 1e-42, Infinity, NaN], mask.indexOf(0) * 4);
    const [after] = await compute(gpu, {
      ...options,
      learningRate: 0.1,
      value,
      velocity,
      gradients: [gradient],
      mask,
    });
    const only = (data: Float32Array, open: number) => data.filter((_, i) => mask[i >> 2] === open);
    assertSameBits(only(after.values, 0), only(value, 0), "frozen values");
    assertSameBits(only(after.velocities, 0), only(velocity, 0), "frozen velocities");
    assert(only(after.values, 1).every(Number.isFinite), "plastic values");
    assert.notDeepEqual(only(after.values, 1), only(value, 1));
  });
}

test("an update reaches every value of a large table", async (gpu) => {
  const length = 4 * 64 * 3000;
  const [{ values }] = await compute(gpu, {
    ...variants[0],
    learningRate: 0.5,
    value: new Float32Array(length),
    velocity: new Float32Array(length),
    gradients: [new Float32Array(length).fill(-2)],
    mask: new Uint32Array(length / 4).fill(1),
  });
  assert(values.every((value) => value === 1));
});

test("Nesterov momentum without momentum is refused", async (gpu) => {
  const options = { momentum: 0, weightDecay: 0, nesterov: true };
  const data = { value: [0, 0, 0, 0], velocity: [0, 0, 0, 0], gradients: [[0, 0, 0, 0]] };
  await assert.rejects(
    compute(gpu, { ...options, ...data, learningRate: 1, mask: [1] }),
    /momentum is 0; set optimizer.momentum or turn nesterov off/,
  );
});
