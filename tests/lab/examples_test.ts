/** The example of docs/kernels.md: each step is right, and the mistake that it warns of is found. */

import assert from "node:assert/strict";
import type { Gpu } from "../../src/gpu/device.ts";
import { checkOwn } from "../../src/lab/check_own.ts";
import { networkCases, smallCases } from "../../src/lab/own_cases.ts";
import { readOwnKernel } from "../../src/lab/own_kernel.ts";
import { gpuTests } from "../support/gpu.ts";

const test = await gpuTests();

function read(step: number) {
  const name = `docs/kernels/conv2d_forward_${step}.wgsl`;
  return { name, code: Deno.readTextFileSync(new URL(`../../${name}`, import.meta.url)) };
}

async function firstReason(gpu: Gpu, text: ReturnType<typeof read>) {
  const own = readOwnKernel(text);
  const network = networkCases(own.op, { width: 8, size: 8, batch: 3 }, gpu);
  for (const kernelCase of [...smallCases(own.op, "f32", "cifar"), ...network]) {
    const { reason, details } = await checkOwn(gpu, own, kernelCase);
    if (reason !== null) return { reason, shape: kernelCase.shape, details: details.join("\n") };
  }
  return null;
}

for (const step of [1, 2, 3]) {
  test(`step ${step} is right at small odd shapes and at a network's`, async (gpu) => {
    if (step === 3 && !gpu.features.has("subgroups")) return;
    assert.equal(await firstReason(gpu, read(step)), null);
  });
}

test("a strip that writes beyond its row is refused at the first odd width", async (gpu) => {
  const { name, code } = read(1);
  const careless = code.replaceAll(/ {2}if \(ox \+ \du < dims\.outWidth\) \{\n(.*\n) {2}\}/g, "$1");
  assert.notEqual(careless, code);
  const found = await firstReason(gpu, { name, code: careless });
  assert.equal(found?.shape.outputWidth, 7);
});

Deno.test("the page names every file of the example, and the reasons it speaks of", () => {
  const page = Deno.readTextFileSync(new URL("../../docs/kernels.md", import.meta.url));
  for (const step of [1, 2, 3]) assert(page.includes(`(kernels/conv2d_forward_${step}.wgsl)`));
});
