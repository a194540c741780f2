/** Linear layer kernels against the twin; recorded ones are in `tests/fidelity`. */

import {
  linearInputGradient,
  linearLogits,
  linearWeightGradient,
} from "../../src/check/ops/classifier.ts";
import { Random } from "../../src/random.ts";
import { gpuTests } from "../support/gpu.ts";
import { assertCase } from "../support/kernel_case.ts";

const test = await gpuTests();
const TOLERANCE = 2e-6;

for (const op of [linearLogits, linearInputGradient, linearWeightGradient]) {
  test(`${op.name} agrees with the twin on odd random shapes`, async (gpu) => {
    for (let seed = 0; seed < 12; seed++) {
      const random = Random.stream(seed, "linear test");
      const [rows, inputs, outputs] = [40, 90, 50].map((most) => 1 + random.below(most));
      await assertCase(gpu, op.at({ rows, inputs, outputs }), TOLERANCE);
    }
  });
}
