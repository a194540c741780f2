/** What the doctor says, and when it is content. */

import assert from "node:assert/strict";
import { type DoctorTools, runDoctor } from "../../src/host/doctor.ts";
import type { KernelCheck } from "../../src/check/self_test.ts";
import { optionalFeatures } from "../../src/gpu/device.ts";
import { openGpu } from "../../src/host/open_gpu.ts";

const hasAdapter = Boolean(await (navigator.gpu as GPU | undefined)?.requestAdapter());

async function examine(tools?: DoctorTools): Promise<{ well: boolean; text: string }> {
  const lines: string[] = [];
  const well = await runDoctor((line) => lines.push(line), "deno", tools);
  return { well, text: lines.join("\n") };
}

const right: KernelCheck = { kernel: "predict", error: 0, limit: 0, ok: true, problem: null };

Deno.test("doctor: without an adapter it says what to install, without a stack trace", async () => {
  const { well, text } = await examine({
    open: () => Promise.reject(new Error("Cannot open a GPU: no WebGPU adapter answers")),
    test: () => Promise.resolve([]),
  });
  assert.equal(well, false);
  assert.match(text, /adapter: none \(Cannot open a GPU: no WebGPU adapter answers\)/);
  assert.doesNotMatch(text, /^\s+at /m);
  if (Deno.build.os === "linux") {
    assert.match(text, /apt-get install -y libvulkan1 mesa-vulkan-drivers/);
  }
});

Deno.test({
  name: "doctor: names versions, adapter, every feature that is tried, limits and kernels",
  ignore: !hasAdapter,
  fn: async () => {
    const started = performance.now();
    const { well, text } = await examine();
    const seconds = (performance.now() - started) / 1000;
    console.log(`doctor took ${seconds.toFixed(1)} s`);
    assert.equal(well, true, text);
    assert(text.includes(`Deno ${Deno.version.deno}`));
    for (const feature of optionalFeatures) assert.match(text, new RegExp(`${feature} +(yes|no)`));
    assert.match(text, /largest buffer +[\d.]+ [GM]iB/);
    assert.match(text, /ok +conv2d_forward +\S+ +\(1e-5\)/);
    assert.match(text, /All \d+ kernels are right/);
  },
});

Deno.test({
  name: "doctor: a wrong kernel is WRONG, with its error and what to do",
  ignore: !hasAdapter,
  fn: async () => {
    const wrong = { ...right, kernel: "sgd_masked", error: 0.5, limit: 1e-5, ok: false };
    const broken = { ...wrong, kernel: "augment", error: Infinity, problem: "Cannot compile\nit" };
    const { well, text } = await examine({
      open: openGpu,
      test: () => Promise.resolve([right, wrong, broken]),
    });
    assert.equal(well, false);
    assert.match(text, /ok +predict +0 +\(exact\)/);
    assert.match(text, /WRONG +sgd_masked +5\.0e-1 +\(1e-5\)/);
    assert.match(text, /WRONG +augment +Infinity .*\n +Cannot compile\n +it/);
    assert.match(text, /2 of 3 kernels are WRONG[^]*driver/);
  },
});

Deno.test({
  name: "doctor: a self-test that breaks off is a finding, not a crash",
  ignore: !hasAdapter,
  fn: async () => {
    const { well, text } = await examine({
      open: openGpu,
      test: () => Promise.reject(new Error("Cannot go on: the GPU device was lost")),
    });
    assert.equal(well, false);
    assert.match(text, /the self-test could not go on: Cannot go on: the GPU device was lost/);
  },
});
