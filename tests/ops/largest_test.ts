/** Largest magnitudes against the twin, bit by bit, with what must not be overlooked among them. */

import assert from "node:assert/strict";
import type { Gpu } from "../../src/gpu/device.ts";
import { recordLargest } from "../../src/ops/largest.ts";
import { Random } from "../../src/random.ts";
import { largestMagnitude } from "../../src/reference/largest.ts";
import { gpuTests, Workbench } from "../support/gpu.ts";

const test = await gpuTests();

async function compute(
  gpu: Gpu,
  gradients: Float32Array,
  values: Float32Array,
  mask: ArrayLike<number>,
): Promise<Float32Array> {
  let found = new Float32Array();
  await Workbench.with(gpu, async (bench) => {
    const result = bench.u32([0, 0]);
    await bench.run([
      recordLargest({
        gradients: bench.f32(gradients),
        values: bench.f32(values),
        mask: bench.u32(mask),
        result,
      }),
    ]);
    found = new Float32Array((await bench.read(result))[0].slice().buffer);
  });
  return found;
}

test("the largest magnitudes are found wherever they are, masked ones left out", async (gpu) => {
  const random = Random.stream(0, "largest");
  for (const count4 of [1, 63, 64, 1000, 70_000]) {
    const gradients = Float32Array.from({ length: count4 * 4 }, () => random.normal());
    const values = Float32Array.from({ length: count4 * 4 }, () => 1e-30 * random.normal());
    const mask = Array.from({ length: count4 }, () => random.below(2));
    gradients[random.below(count4 * 4)] = -1e20;
    values[count4 * 4 - 1] = 3e38;
    assert.deepEqual(
      [...await compute(gpu, gradients, values, mask)],
      [largestMagnitude(gradients, mask), largestMagnitude(values, mask)],
      `${count4} vec4`,
    );
  }
});

test("zeros, subnormals, infinity and NaN are told apart", async (gpu) => {
  const mask = [0, 1, 1];
  const at5 = (value: number) => {
    const values = new Float32Array(12).fill(-0);
    values[0] = NaN; // masked
    values[5] = value;
    return values;
  };
  for (const value of [0, 1e-45, -Infinity, NaN]) {
    const found = await compute(gpu, at5(0), at5(value), mask);
    assert.deepEqual([...found], [0, largestMagnitude(at5(value), mask)], String(value));
  }
});
