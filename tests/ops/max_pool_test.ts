/** Max pooling against the twin, bit by bit; recorded ones are in `tests/fidelity`. */

import assert from "node:assert/strict";
import { maxPoolBackwardOp, maxPoolForwardOp } from "../../src/check/ops/max_pool.ts";
import { recordMaxPoolForward } from "../../src/ops/max_pool.ts";
import { Random } from "../../src/random.ts";
import { maxPoolBackward, maxPoolForward } from "../../src/reference/max_pool.ts";
import { gpuTests, Workbench } from "../support/gpu.ts";
import { assertCase } from "../support/kernel_case.ts";

const test = await gpuTests();

const shapeOf = (seed: number) => {
  const random = Random.stream(seed, "max pool test");
  const [rows, channels, height, width] = [5, 20, 12, 12].map((most) => 1 + random.below(most));
  return { rows, channels, height, width };
};

test("max_pool_forward gives the twin's maxima and first places on odd random shapes", async (gpu) => {
  for (let seed = 0; seed < 12; seed++) {
    for (const stored of ["f32", "f16"] as const) {
      await assertCase(gpu, maxPoolForwardOp.at(shapeOf(seed), stored), 1e-9);
    }
  }
});

test("max_pool_backward agrees with the twin on odd random shapes", async (gpu) => {
  for (let seed = 0; seed < 12; seed++) {
    await assertCase(gpu, maxPoolBackwardOp.at(shapeOf(seed)), 1e-6);
  }
});

test("max pooling keeps NaN, infinities and negative numbers", async (gpu) => {
  await Workbench.with(gpu, async (bench) => {
    const pixels = [NaN, -3, -5, -4, -1e30, -Infinity, -Infinity, -Infinity, Infinity, 2, 3, -7];
    // A row of 12 pixels, one channel: windows of pixels 0-1, 1-3, 3-5, 5-7, 7-9, 9-11.
    const x = bench.f32(pixels.flatMap((value) => [value, 0, 0, 0]));
    const [y, taps] = [bench.f32(6 * 4), bench.u32(new Uint32Array(6))];
    const shape = { rows: 1, inputHeight: 1, inputWidth: 12, channels4: 1 };
    await bench.run([recordMaxPoolForward(shape, x, y, taps)]);
    const [found, places] = await bench.read(y, taps);
    const firsts = (values: ArrayLike<number>) => [0, 1, 2, 3, 4, 5].map((i) => values[4 * i]);
    assert.deepEqual(firsts(found), [NaN, -3, Math.fround(-4), -Infinity, Infinity, 3]);
    // Taps 3 to 5 are those of the only row; of equal ones the first.
    assert.deepEqual([...places].map((word) => word & 0xff), [4, 3, 3, 3, 4, 4]);
  });
});

Deno.test("the twin's gradient of max pooling is that of finite differences, and ties go to the first", () => {
  const random = Random.stream(1, "max pool twin");
  const shape = [1, 2, 5, 6] as const;
  const x = Float64Array.from({ length: 60 }, () => random.normal());
  const gy = Float64Array.from({ length: 18 }, () => random.normal());
  const loss = () => maxPoolForward(x, shape).y.reduce((sum, value, i) => sum + value * gy[i], 0);
  const gradient = maxPoolBackward(gy, maxPoolForward(x, shape).places, shape);
  for (let i = 0; i < x.length; i++) {
    const [before, step] = [x[i], 1e-6];
    x[i] = before + step;
    const above = loss();
    x[i] = before - step;
    const slope = (above - loss()) / (2 * step);
    x[i] = before;
    assert(Math.abs(slope - gradient[i]) < 1e-6, `${i}: ${slope}, not ${gradient[i]}`);
  }
  const { places } = maxPoolForward(new Float64Array(12), [1, 1, 3, 4]);
  assert.deepEqual([...places], [0, 1, 4, 5]);
});
