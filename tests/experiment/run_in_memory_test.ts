/** The driver of a run with nothing but memory around it: no files, no process of its own. */

import assert from "node:assert/strict";
import { InputError } from "../../src/errors.ts";
import { parametersOf } from "../../src/experiment/build.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import { driveRun } from "../../src/experiment/run.ts";
import type { RunHost } from "../../src/experiment/run_host.ts";
import { memoryHost, MemoryStore } from "../../src/experiment/run_in_memory.ts";
import { initialRunning, initialValues } from "../../src/net/initialize.ts";
import { unpack } from "../../src/net/parameters.ts";
import { encodeSafetensors, type HostTensor } from "../../src/net/safetensors.ts";
import { nameInFile } from "../../src/net/state_layout.ts";
import { Random } from "../../src/random.ts";
import { tinyOptions } from "../reliability/tiny.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;
const config = resolveConfig({ ...tinyOptions, data: { ...tinyOptions.data, tasks: 2 } });

const run = (store: MemoryStore, given: Partial<RunHost> = {}) =>
  driveRun(config, memoryHost({ store, ...given }));

/** What must be the same however often a run was interrupted; times aside. */
function outcome({ model, summary, events }: MemoryStore) {
  const { seconds: _s, samplesPerSecond: _r, ...results } = summary!;
  const kept = events.filter(({ type }) => type !== "end" && type !== "message")
    .map((event) => ({ ...event, milliseconds: null, samplesPerSecond: null }));
  return { model: [...model!], results, events: kept };
}

Deno.test({
  name: "a run in memory is stopped, and gone on with to the same end",
  ignore: adapter === null,
  async fn() {
    const whole = new MemoryStore();
    const summary = await run(whole);
    assert.deepEqual([summary.completed, whole.summary], [true, summary]);
    assert.equal(whole.checkpoint, null, "it has served");

    const cut = new MemoryStore();
    let points = 0;
    const told: string[] = [];
    const stopping = { atPoint: () => void points++, shouldStop: () => points > 12 };
    assert.equal((await run(cut, stopping)).stopped, "request");
    assert.ok(cut.checkpoint);
    await run(cut, {
      resume: true,
      emit: (event) => void (event.type === "message" && told.push(event.text)),
    });
    assert.match(told.join("\n"), /^Going on from checkpoint 13: task \d/m);
    assert.deepEqual(outcome(cut), outcome(whole));
  },
});

Deno.test({
  name: "a checkpoint that cannot be kept is told, and ends no run",
  ignore: adapter === null,
  async fn() {
    class Full extends MemoryStore {
      override writeCheckpoint(): Promise<number> {
        return Promise.reject(new Error("Cannot keep a checkpoint: there is no room"));
      }
    }
    const store = new Full();
    const { completed } = await run(store, { checkpointEvery: "task" });
    assert.equal(completed, true);
    const notes = store.events.flatMap((event) => event.type === "message" ? [event.text] : []);
    assert.match(
      notes.join("\n"),
      /there is no room; the run goes on, and the last good checkpoint is none/,
    );
  },
});

Deno.test("images that lie in files are refused where there are none", async () => {
  const train = { format: "cifar10", folder: "cifar10" };
  const elsewhere = resolveConfig({
    ...tinyOptions,
    data: { ...tinyOptions.data, train, size: 32 },
  });
  const store = new MemoryStore();
  await assert.rejects(
    driveRun(elsewhere, memoryHost({ store })),
    (error) =>
      error instanceof InputError &&
      /^Cannot open data\.train: its format is cifar10, and there are no files here; use/
        .test(error.message),
  );
  assert.equal(store.events.at(-1)?.type, "error");
});

Deno.test({
  name: "a run with torchvision's stem and weights is stopped, and gone on with to the same end",
  ignore: adapter === null,
  async fn() {
    const own = resolveConfig({
      ...tinyOptions,
      data: { ...tinyOptions.data, tasks: 2, size: 33 },
      network: { width: 3, stem: "imagenet" },
    });
    const table = parametersOf(own);
    const random = Random.stream(3, "weights of others");
    const values = initialValues(table, random);
    const arrays = table.learned.filter(({ kind }) => !kind.startsWith("linear"))
      .flatMap((entry) => unpack(values, entry))
      .concat(table.running.flatMap((entry) => unpack(initialRunning(table), entry, true)));
    const file = new Map(
      arrays.map(({ name, shape, data }): [string, HostTensor] => [
        nameInFile(name, "torchvision"),
        { dtype: "F32", shape: [...shape], data },
      ]),
    );
    const bytes = encodeSafetensors(file);
    const told: string[] = [];
    const drive = (store: MemoryStore, given: Partial<RunHost> = {}) =>
      driveRun(
        own,
        memoryHost({
          store,
          readInitialWeights: () => ({ bytes, name: "others" }),
          emit: (event) => void (event.type === "message" && told.push(event.text)),
          ...given,
        }),
      );
    const whole = new MemoryStore();
    await drive(whole);
    assert.match(told.join("\n"), /^others: names of torchvision; its classifier is replaced/m);
    const { shape } = whole.model!.get("conv1.weight")!;
    assert.deepEqual(shape, [3, 3, 7, 7]);
    const cut = new MemoryStore();
    let points = 0;
    const stopping = { atPoint: () => void points++, shouldStop: () => points > 9 };
    assert.equal((await drive(cut, stopping)).stopped, "request");
    await drive(cut, { resume: true });
    assert.deepEqual(outcome(cut), outcome(whole));
  },
});

Deno.test({
  name: "images a second are those of the time in which they were learned, dreams before as well",
  ignore: adapter === null,
  async fn() {
    for (const method of ["er_ace", "joint"]) {
      for (const dreamStart of [0, 200]) {
        const changes = { method, dreamStart, epochs: 1, data: { ...tinyOptions.data, tasks: 2 } };
        let points = 0;
        // Each training step takes a second.
        const { samplesPerSecond, images, steps } = await driveRun(
          resolveConfig({ ...tinyOptions, ...changes }),
          memoryHost({ atPoint: () => void points++, now: () => points * 1000 }),
        );
        assert.equal(samplesPerSecond, images / steps, `${method}, ${dreamStart} dreams before`);
      }
    }
  },
});
