/** The lab as another program uses it. */

import assert from "node:assert/strict";
import { checkKernel, operations, starterFor, timeKernel } from "../../mod.ts";
import { InputError } from "../../src/errors.ts";
import { checkOwn } from "../../src/lab/check_own.ts";
import { networkCases } from "../../src/lab/own_cases.ts";
import { readOwnKernel } from "../../src/lab/own_kernel.ts";
import { timeOwn } from "../../src/lab/time_own.ts";
import { gpuTests } from "../support/gpu.ts";

const test = await gpuTests();
const network = { width: 4, size: 8, batch: 3 };

test("a kernel is checked at small odd shapes and at a network's, and timed in turn with ours", async (gpu) => {
  const code = starterFor("pool_forward");
  const checks = await checkKernel(gpu, code, network);
  assert.deepEqual(checks.map(({ layer, reason }) => [layer, reason]), [
    ["alone", null],
    ["alone", null], // in f16
    ["pool", null],
  ]);
  const [timing, ...more] = await timeKernel(gpu, code, network, 2);
  assert.equal(more.length, 0);
  assert.deepEqual([timing.op, timing.shape.batch], ["pool_forward", 3]);
  assert.deepEqual([timing.milliseconds.length, timing.ours.length], [2, 2]);
  assert(timing.flops > 0 && timing.bytes > 0);
});

test("a wrong one ends at the shape where it is wrong", async (gpu) => {
  const code = starterFor("pool_forward").replace("sum / f32", "sum * 1.01 / f32");
  const checks = await checkKernel(gpu, code, network);
  assert.deepEqual(checks.map(({ reason }) => reason), ["wrong"]);
  assert(checks[0].error > 0.009 && checks[0].details.length > 1);
});

Deno.test("operations are named and have starters; others are refused", () => {
  for (const { name, summary } of operations()) {
    assert(summary.length > 0 && starterFor(name).includes(`//@ op: ${name}`));
  }
  assert.throws(() => starterFor("softmax"), InputError);
});

test("what timed runs leave is compared with what the check found, updates in place as well", async (gpu) => {
  for (const name of ["pool_forward", "sgd_masked"]) {
    const own = readOwnKernel({ name: "my.wgsl", code: starterFor(name) });
    const [kernelCase] = networkCases(own.op, network, gpu);
    const { left } = await checkOwn(gpu, own, kernelCase);
    const timed = (left: string) => timeOwn(gpu, own, kernelCase, { left, rounds: 2 });
    assert.equal((await timed(left)).computed, true, name);
    assert.equal((await timed("another")).computed, false, name);
  }
});

test("what a compiler says has neither blank lines nor numbers that are its own", async (gpu) => {
  const code = starterFor("pool_forward").replace("var sum = vec4f()", "var sum = vec3f()");
  await assert.rejects(checkKernel(gpu, code, network), ({ message }: Error) => {
    assert.match(message, /kernel\.wgsl:\d+:\d+/);
    assert.doesNotMatch(message, /\n\s*\n|\[\d+\] (is|relate)|with \[\d+\]|Expression \[/);
    return true;
  });
});
