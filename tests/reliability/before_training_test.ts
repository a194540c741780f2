/** A run is stopped before it has a point at which it could be saved: while data is read, while kernels are tested. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { InputError } from "../../src/errors.ts";
import { listCheckpoints } from "../../src/host/checkpoint_files.ts";
import { isThere } from "../../src/host/durable.ts";
import { withFolder } from "../data/fixtures.ts";
import { gpuTests } from "../support/gpu.ts";
import { outcome, runTiny } from "./tiny.ts";

const gpuTest = await gpuTests();
const oneTask = {
  data: {
    tasks: 1,
    classesPerTask: 2,
    size: 8,
    train: {
      format: "drawn",
      drawn: { kind: "shapes", classes: 2, trainPerClass: 8, testPerClass: 2 },
    },
  },
  method: "finetune",
};

gpuTest(
  "stopped before it trains, a run says so, leaves no model, and goes on",
  () =>
    withFolder(async (folder) => {
      const made = (name: string) => {
        const out = join(folder, name);
        Deno.mkdirSync(out);
        return { out, changes: oneTask };
      };
      const whole = made("whole");
      await runTiny(whole);
      const expected = await outcome(whole.out);

      let testing = false;
      const ways = {
        "while data is read": { shouldStop: () => true },
        "in time, while data is read": { deadline: Date.now() },
        "while kernels are tested": {
          skipSelfTest: false,
          shouldStop: () => testing,
          emit: (event: { type: string; phase?: string }) => {
            testing ||= event.phase === "kernels";
          },
        },
      };
      for (const [name, options] of Object.entries(ways)) {
        const run = made(name);
        const { summary } = await runTiny({ ...run, options });
        const { completed, stopped, steps } = summary;
        assert.deepEqual(
          { completed, stopped, steps },
          { completed: false, stopped: "deadline" in options ? "time" : "request", steps: 0 },
          name,
        );
        assert.equal(isThere(join(run.out, "model.safetensors")), false, name);
        await runTiny({ ...run, options: { resume: true } });
        assert.deepEqual(await outcome(run.out), expected, name);
      }
      assert(testing);
    }),
);

gpuTest(
  "stopped before it has caught up, a resumed run leaves what it had",
  () =>
    withFolder(async (folder) => {
      const run = { out: join(folder, "run"), changes: oneTask };
      Deno.mkdirSync(run.out);
      let points = 0;
      const options = { atPoint: () => void points++, shouldStop: () => points > 3 };
      const first = await runTiny({ ...run, options });
      assert(first.summary.steps > 0);
      const before = Deno.readTextFileSync(join(run.out, "summary.json"));
      const log = Deno.readTextFileSync(join(run.out, "log.jsonl"));
      const { summary } = await runTiny({
        ...run,
        options: { resume: true, shouldStop: () => true },
      });
      assert.equal(summary.stopped, "request");
      assert.equal(Deno.readTextFileSync(join(run.out, "summary.json")), before);
      assert.equal(Deno.readTextFileSync(join(run.out, "log.jsonl")), log);
      assert.equal((await runTiny({ ...run, options: { resume: true } })).summary.completed, true);
    }),
);

Deno.test("a batch of one image at a last map of one pixel is refused before training, and by --resume", () =>
  withFolder(async (folder) => {
    const run = { out: join(folder, "run"), changes: { ...oneTask, batchSize: 3, epochs: 1 } };
    Deno.mkdirSync(run.out);
    const found =
      "a batch of task 1 has one image (16 images in batches of 3), and batch norm cannot " +
      "normalise one image where the last map is 1x1, as of images of 8 pixels";
    const fix = "set batchSize to 2 or 4, or give the task another number of images";
    await assert.rejects(runTiny(run), new InputError(`Cannot train finetune: ${found}; ${fix}`));
    await assert.rejects(
      runTiny({ ...run, options: { resume: true } }),
      new InputError(
        `Cannot resume ${run.out}: ${found}; start it anew (--overwrite) with other numbers: ${fix}`,
      ),
    );
    assert.deepEqual(listCheckpoints(join(run.out, "checkpoints")), []);
  }));
