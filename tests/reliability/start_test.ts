/** What stands in a run's way is found before it trains: no memory, another run, a folder that takes nothing. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { InputError } from "../../src/errors.ts";
import { allocate, describeMemory, memoryUse } from "../../src/experiment/memory_budget.ts";
import { createRunFolder } from "../../src/host/run_folder.ts";
import { lockRunFolder } from "../../src/host/run_lock.ts";
import { testKernelsOnce } from "../../src/host/self_test_once.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import { Gpu } from "../../src/gpu/device.ts";
import { Network } from "../../src/net/network.ts";
import type { Precision } from "../../src/ops/storage.ts";
import { withFolder } from "../data/fixtures.ts";
import { gpuTests } from "../support/gpu.ts";
import { runTiny } from "./tiny.ts";

const gpuTest = await gpuTests();

Deno.test("two runs on one folder: the second is told, and a dead one's lock means nothing", () =>
  // deno-lint-ignore require-await -- withFolder wants a promise
  withFolder(async (folder) => {
    {
      using _first = lockRunFolder(folder);
      assert.throws(
        () => lockRunFolder(folder),
        (error) =>
          error instanceof InputError &&
          error.message.includes(`another run is writing to it (process ${Deno.pid})`),
      );
      assert.throws(() => createRunFolder(folder), /another run is writing to it/);
    }
    Deno.writeTextFileSync(join(folder, ".lock"), "process 1\n");
    lockRunFolder(folder)[Symbol.dispose]();
  }));

gpuTest(
  "a memory that no binding of the adapter can reach is refused with the fix",
  (gpu) =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      Deno.mkdirSync(out);
      const images = Math.ceil(gpu.limits.maxStorageBufferBindingSize / (8 * 8 * 4)) + 1;
      await assert.rejects(
        runTiny({ out, changes: { memory: { longTerm: images, shortTerm: 16 } } }),
        (error) =>
          error instanceof InputError &&
          /Cannot create tensor memories\/long-term memory.*lower .*the memory sizes/
            .test(error.message),
      );
    }),
);

Deno.test("memory is described by what it is for, the largest first", () => {
  const allocations = [
    { label: "network/values", size: 40e6 },
    { label: "network/conv1 z", size: 2e9 },
    { label: "images/stream", size: 300e6 },
    { label: "learner/losses", size: 4096 },
  ];
  assert.equal(
    describeMemory({ allocations }),
    "2.3 GB: activations 2.0 GB, images 300.0 MB, parameters 40.0 MB",
  );
});

Deno.test("where the device has too little memory, precision is part of the fix", async () => {
  const refusing = (label: string) => ({
    allocations: [{ label, size: 2e9 }, { label: "learner/losses", size: 1e9 }],
    device: {
      pushErrorScope: () => {},
      popErrorScope: () => Promise.resolve({ message: "out of memory" }),
    } as unknown as GPUDevice,
  });
  const fixOf = (label: string, precision: Precision) =>
    allocate(refusing(label), precision, () => 0).then(
      () => assert.fail("was given"),
      (error: unknown) => {
        assert(error instanceof InputError);
        return error.message.match(/^Cannot start: .*3\.0 GB: .*: lower (.*)$/)?.[1];
      },
    );
  const sizes = "batchSize, replayBatchSize, evaluation.batchSize, network.width, data.size";
  const mixed = `${sizes}, or set precision to "mixed"`;
  assert.equal(await fixOf("network/conv1 z", "full"), mixed);
  assert.equal(await fixOf("network/conv1 z", "mixed"), sizes);
  assert.equal(await fixOf("network/values", "full"), "network.width");
});

gpuTest("mixed precision takes half the memory for what it stores in f16", (gpu) => {
  const useOf = (precision: Precision) => {
    const options = { width: 4, heads: 4, height: 16, imageWidth: 16, maxRows: 8 };
    const before = activationBytes(gpu);
    const network = new Network(gpu, { ...options, precision });
    const bytes = activationBytes(gpu) - before;
    const { input, layers, outputs } = network.activations;
    const stored = [input, ...outputs.values(), ...[...layers.values()].map(({ z }) => z)];
    network.destroy();
    return { bytes, elements: stored.reduce((sum, { length }) => sum + length, 0) };
  };
  const [full, mixed] = [useOf("full"), useOf("mixed")];
  assert.equal(full.bytes - mixed.bytes, 2 * full.elements);
  assert.equal(mixed.elements, full.elements);
  assert(full.elements > 8 * 16 * 16 * 4 * 10, `only ${full.elements} elements are stored`);
});

function activationBytes(gpu: Gpu): number {
  return memoryUse(gpu).find(({ name }) => name === "activations")!.bytes;
}

gpuTest(
  "kernels are tested once for each adapter and text, and wrong ones stop the run",
  (gpu) =>
    withFolder(async (folder) => {
      const events: RunEvent[] = [];
      let tests = 0;
      const once = (ok: boolean, on = gpu) =>
        testKernelsOnce(on, { precision: "full", stem: "cifar" }, join(folder, "cache"), {
          emit: (event) => events.push(event),
          proceed: () => {},
        }, (_: Gpu) => {
          tests++;
          return Promise.resolve([{ kernel: "conv", error: 1, limit: 0, ok, problem: null }]);
        });
      await assert.rejects(once(false), /1 of 1 kernels compute wrong results \(conv\).*doctor/);
      await once(true);
      await once(true);
      assert.equal(tests, 2);
      // The same adapter, driven by another's WebGPU.
      const adapter = { ...gpu.adapter, provider: "dawn" as const };
      await once(true, new Gpu(gpu.device, adapter, gpu.features));
      assert.equal(tests, 3);
      assert.deepEqual(
        events.map(({ type }) => type),
        ["phase", "phase", "phase"],
      );
    }),
);
