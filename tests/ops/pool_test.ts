/** Global average pooling against the twin; recorded ones are in `tests/fidelity`. */

import { poolBackward, poolForward } from "../../src/check/ops/classifier.ts";
import { Random } from "../../src/random.ts";
import { gpuTests } from "../support/gpu.ts";
import { assertCase } from "../support/kernel_case.ts";

const test = await gpuTests();
const TOLERANCE = 1e-6;

for (const op of [poolForward, poolBackward]) {
  test(`${op.name} agrees with the twin on odd random shapes`, async (gpu) => {
    for (let seed = 0; seed < 12; seed++) {
      const random = Random.stream(seed, "pool test");
      const [rows, channels, height, width] = [9, 40, 9, 9].map((most) => 1 + random.below(most));
      for (const stored of ["f32", "f16"] as const) {
        await assertCase(gpu, op.at({ rows, channels, height, width }, stored), TOLERANCE);
      }
    }
  });
}
