/** A replay gives the results of the first time, runs nothing, and ends where the run was saved. */

import assert from "node:assert/strict";
import type { Gpu } from "../../src/gpu/device.ts";
import { defineKernel } from "../../src/gpu/kernel.ts";
import { Program } from "../../src/gpu/program.ts";
import { Recording, type SavedRun } from "../../src/gpu/recording.ts";
import { Arena, copyTensor, downloadF32, upload } from "../../src/gpu/tensor.ts";
import { gpuTests } from "../support/gpu.ts";

const test = await gpuTests();

const double = defineKernel({
  name: "double",
  code: `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
      x[id.x] = 2.0 * x[id.x];
    }`,
});

interface Saving {
  /** Where to save, or from what to go on. */
  readonly at?: number;
  readonly from?: SavedRun;
}

/** Doubles four numbers five times, reading them back after each; a copy lags one step behind. */
async function run(gpu: Gpu, { at, from }: Saving) {
  const recording = new Recording(gpu, from);
  const arena = new Arena(gpu, "run");
  const scratch = new Arena(gpu, "scratch", { state: false });
  const live: number[] = [];
  let saved: SavedRun | null = null;
  try {
    const state = arena.tensor("x", [4]);
    const copy = arena.tensor("copy", [4]);
    scratch.tensor("not kept", [100]);
    upload(gpu, state, Float32Array.of(1, 2, 3, 4));
    const program = await Program.build(gpu, "double", [
      { kernel: double, buffers: { x: state }, workgroups: [4] },
    ]);
    const seen: number[] = [];
    let clock = 0;
    const times: number[] = [];
    for (let step = 0; step < 5; step++) {
      recording.pass();
      if (!recording.replaying) live.push(step);
      if (recording.points === at) saved = await recording.save();
      copyTensor(gpu, [[state, copy]]);
      program.run();
      seen.push(...await downloadF32(gpu, state));
      times.push(recording.observe(() => (from ? 100 : 0) + clock++));
    }
    const lag = [...await downloadF32(gpu, copy)];
    program.destroy();
    return { seen, lag, live, saved, times };
  } finally {
    recording.end();
    arena.destroy();
    scratch.destroy();
  }
}

test("a run goes on from where it was saved, with the same results", async (gpu) => {
  const whole = await run(gpu, { at: 4 });
  assert.deepEqual(whole.saved!.state.map(({ label }) => label), ["run/x", "run/copy"]);
  assert.deepEqual([...new Float32Array(whole.saved!.state[0].words.slice().buffer)], [
    ...[8, 16, 24, 32],
  ]);
  const resumed = await run(gpu, { from: whole.saved! });
  assert.deepEqual([resumed.seen, resumed.lag], [whole.seen, whole.lag]);
  assert.deepEqual(whole.live, [0, 1, 2, 3, 4]);
  assert.deepEqual(resumed.live, [3, 4]);
  assert.deepEqual(resumed.times, [0, 1, 2, 100, 101], "what came from outside is as it was");
});

test("a resumed run can be saved again, earlier results and all", async (gpu) => {
  const first = await run(gpu, { at: 2 });
  const second = await run(gpu, { from: first.saved!, at: 5 });
  const third = await run(gpu, { from: second.saved! });
  assert.deepEqual([third.seen, third.live], [first.seen, [4]]);
});

test("a replay that goes another way is noticed", async (gpu) => {
  const { saved } = await run(gpu, { at: 4 });
  const [x, copy] = saved!.state;
  const lessRead = { ...saved!, journal: saved!.journal.slice(1) };
  await assert.rejects(run(gpu, { from: lessRead }), /4 words are read back .* there were 2/);
  const moreRead = { ...saved!, journal: [...saved!.journal, x.words] };
  await assert.rejects(
    run(gpu, { from: moreRead }),
    /6 of 7 results had been read back at point 4/,
  );
  const other = { ...saved!, state: [copy, x] };
  await assert.rejects(run(gpu, { from: other }), /number 0 is run\/x f32 \[4\], was run\/copy/);
  const fewer = { ...saved!, state: [x] };
  await assert.rejects(
    run(gpu, { from: fewer }),
    /state number 1 is run\/copy f32 \[4\], was missing/,
  );
});
