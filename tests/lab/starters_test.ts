/** The kernels to start from: every operation has one, and it passes its own check at small odd shapes. */

import assert from "node:assert/strict";
import { ops } from "../../src/check/table.ts";
import { kernels } from "../../src/ops/kernels.ts";
import { checkOwn } from "../../src/lab/check_own.ts";
import { smallCases } from "../../src/lab/own_cases.ts";
import { readOwnKernel } from "../../src/lab/own_kernel.ts";
import { starterOf } from "../../src/lab/starters.ts";
import { gpuTests } from "../support/gpu.ts";

const test = await gpuTests();

Deno.test("every kernel of the list computes one operation of the table", () => {
  const names = ops.flatMap((op) => op.kernels.map(({ name }) => name));
  assert.deepEqual(names.toSorted(), kernels.map(({ name }) => name).sort());
});

Deno.test("the operation of a starter is told by its bindings alone", () => {
  for (const op of ops) {
    const code = starterOf(op).replace(/^\/\/@ op:.*\n/, "");
    assert.equal(readOwnKernel({ name: "my.wgsl", code }).op, op, op.name);
  }
});

for (const op of ops) {
  test(`the starter of ${op.name} passes its own check`, async (gpu) => {
    const own = readOwnKernel({ name: "my.wgsl", code: starterOf(op) });
    for (const stored of own.forms.f16 ? ["f32", "f16"] as const : ["f32"] as const) {
      for (const kernelCase of smallCases(op, stored, "imagenet")) {
        const check = await checkOwn(gpu, own, kernelCase);
        assert.equal(
          check.reason,
          null,
          `${stored} ${JSON.stringify(kernelCase.shape)}: ${check.details.join("\n")}`,
        );
        assert(check.error <= kernelCase.tolerance.error);
      }
    }
  });
}
