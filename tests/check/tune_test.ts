/** What is tuned, what is remembered, and that it changes no result. */

import assert from "node:assert/strict";
import { describeTuning } from "../../src/cli/tune.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import { chooseKernels } from "../../src/host/choose_kernels.ts";
import { readRemembered, writeRemembered } from "../../src/host/remembered_tuning.ts";
import { tune } from "../../src/check/tune.ts";
import { rememberedVariant, taskName } from "../../src/check/tuned.ts";
import { tuningTasks } from "../../src/experiment/tuning_tasks.ts";
import { Gpu } from "../../src/gpu/device.ts";
import { download } from "../../src/gpu/tensor.ts";
import { prepareStep } from "../../bench/training_step.ts";
import {
  conv2dCandidates,
  type Conv2dChoice,
  type Conv2dVariant,
  defaultVariant,
  plainVariant,
  variantName,
} from "../../src/ops/conv2d_variants.ts";
import { tinyOptions } from "../reliability/tiny.ts";
import { assertSameBits, gpuTests } from "../support/gpu.ts";

const test = await gpuTests();
const config = resolveConfig(tinyOptions);
const wide = resolveConfig({ ...tinyOptions, network: { width: 64 }, batchSize: 32 });

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await run(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** The same device as if no CPU played it. */
function asGpu(gpu: Gpu): Gpu {
  return new Gpu(gpu.device, { ...gpu.adapter, isFallback: false }, gpu.features);
}

test("every convolution of a network is tuned, once for each shape", (gpu) => {
  const names = tuningTasks(config).map(taskName);
  assert.equal(names.length, new Set(names).size);
  // Eleven shapes, and the gradient of the images is asked for by nobody.
  assert.equal(names.length, 3 * 11 - 1);
  assert(names.includes("weight_gradient 3>4 3x3/1 8x8 batch 16 f32"), names.join("\n"));
  assert(!names.some((name) => name.startsWith("input_gradient 3>")));
  assert(
    tuningTasks(config).every(({ pass, layer, rows }) =>
      conv2dCandidates(gpu, pass, layer, rows).length > 0
    ),
  );
});

test("tiles are tried on GPUs alone, where they are mostly filled and fit", (gpu) => {
  const tiles = (adapter: Gpu, tasks = tuningTasks(wide)) =>
    tasks.flatMap(({ pass, layer, rows }) => conv2dCandidates(adapter, pass, layer, rows))
      .filter(({ kind }) => kind === "tiles");
  const pretended = asGpu(gpu);
  if (gpu.adapter.isFallback) assert.deepEqual(tiles(gpu), []);
  const narrow = tuningTasks(config).filter(({ layer }) => layer.outputChannels < 32);
  assert.deepEqual(tiles(pretended, narrow), []);
  assert(tiles(pretended).length > 20);
  for (const { pass, layer, rows } of tuningTasks(wide)) {
    const names = conv2dCandidates(pretended, pass, layer, rows).map(variantName);
    assert.equal(names.length, new Set(names).size);
    assert.equal(names[0], variantName(defaultVariant(pretended)(pass, layer)));
    if (layer.inputChannels === 3 && pass === "weight_gradient") {
      assert(!names.some((name) => name.startsWith("tiles")), names.join());
    }
  }
});

test("what was tuned is remembered for this adapter and these kernels", async (gpu) => {
  await inFolder(async (folder) => {
    const tasks = tuningTasks(config).slice(0, 2);
    const remembered = await readRemembered(gpu, folder);
    assert.equal(remembered.size, 0);
    const results = await tune(gpu, tasks, remembered);
    assert.deepEqual(results.map(({ task }) => task), tasks);
    assert.match(describeTuning(results), /forward 3x3, 3 to 4, 8x8 .*strips_8x2/);
    await writeRemembered(gpu, folder, remembered, assert.fail);
    const again = await readRemembered(gpu, folder);
    assert.deepEqual(again, remembered);
    assert.deepEqual(await tune(gpu, tasks, again), []);
    assert.equal((await tune(gpu, tasks, again, { again: true })).length, 2);
    assert.equal(
      (await tune(gpu, tasks, again, { again: true, shouldStop: () => true })).length,
      0,
    );
    const elsewhere = new Gpu(gpu.device, { ...gpu.adapter, description: "other" }, gpu.features);
    assert.equal((await readRemembered(elsewhere, folder)).size, 0);
  });
});

test("a broken file, or a variant that is none, leaves the defaults", async (gpu) => {
  await inFolder(async (folder) => {
    const [task] = tuningTasks(config);
    await writeRemembered(gpu, folder, new Map([[taskName(task), "strips_99"]]), assert.fail);
    assert.equal(rememberedVariant(gpu, await readRemembered(gpu, folder), task), null);
    const options = { cacheDir: folder, mayTune: false, shouldStop: () => false };
    const choice = await chooseKernels(gpu, config, { ...options, emit: () => {} });
    const { pass, layer } = task;
    assert.deepEqual(choice(pass, layer), defaultVariant(gpu)(pass, layer));
    const [file] = [...Deno.readDirSync(folder)];
    for (const text of ["{", "[]", "null", '{"choices": 7}', '{"choices": {"forward": 1}}']) {
      Deno.writeTextFileSync(`${folder}/${file.name}`, text);
      assert.equal((await readRemembered(gpu, folder)).size, 0, text);
    }
  });
});

test("what there is no room to try is left out, and the device stays sound", async (gpu) => {
  const [task] = tuningTasks(config);
  const small = new Gpu(gpu.device, gpu.adapter, gpu.features);
  const limits = { ...small.limits, maxBufferSize: 2000 };
  Object.defineProperty(small, "limits", { value: limits });
  const told: string[] = [];
  const remembered = new Map();
  const leftOut = (name: string, reason: string) => told.push(`${name}: ${reason}`);
  assert.deepEqual(await tune(small, [task], remembered, { leftOut }), []);
  assert.match(told[0], /^forward 3>4 3x3\/1 8x8 batch 16 f32: Cannot allocate .* 2000 in one/);
  assert.equal((await tune(gpu, [task], remembered, { leftOut })).length, 1);
  assert.deepEqual([told.length, ...remembered.keys()], [1, taskName(task)]);
});

test("what cannot be remembered is told", async (gpu) => {
  await inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    const told: string[] = [];
    await writeRemembered(gpu, `${folder}/file`, new Map(), (text) => told.push(text));
    assert.match(told.join(), /^Cannot remember the tuning in .*; it is repeated next time$/);
  });
});

test("a run on a GPU tunes what is missing, once; one that skips it does not", async (gpu) => {
  await inFolder(async (folder) => {
    const pretended = asGpu(gpu);
    const phases: string[] = [];
    const choose = (mayTune: boolean) =>
      chooseKernels(pretended, config, {
        cacheDir: folder,
        mayTune,
        shouldStop: () => false,
        emit: (event) => event.type === "phase" && phases.push(event.phase),
      });
    await choose(false);
    assert.deepEqual(phases, []);
    const choice = await choose(true);
    assert.deepEqual(phases, ["tuning"]);
    await choose(true);
    assert.deepEqual(phases, ["tuning"]);
    const remembered = await readRemembered(pretended, folder);
    for (const task of tuningTasks(config)) {
      const name = variantName(choice(task.pass, task.layer));
      assert.equal(remembered.get(taskName(task)), name);
    }
  });
});

test("the choice of kernels changes no bit of a training step", async (gpu) => {
  const tile: Conv2dVariant = { kind: "tiles", rows: 32, columns: 16, perThread: 4 };
  const choices: Record<string, Conv2dChoice> = {
    default: defaultVariant(gpu),
    plain: plainVariant,
    tiles: () => tile,
  };
  const outcomes = [];
  for (const choice of Object.values(choices)) {
    const step = await prepareStep(gpu, { width: 16, size: 8, segments: [3, 2], choice });
    for (let count = 0; count < 3; count++) step.run();
    const [values, losses] = await download(gpu, [step.network.values, step.losses]);
    outcomes.push({ values, losses });
    step.destroy();
  }
  assert(outcomes[0].losses[0] > 0);
  for (const [i, name] of Object.keys(choices).entries()) {
    assertSameBits(outcomes[i].values, outcomes[0].values, name);
    assertSameBits(outcomes[i].losses, outcomes[0].losses, name);
  }
});
