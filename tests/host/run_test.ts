/** Whole runs at the smallest sizes that go through every phase: 8-pixel drawn images, width 4, two or three tasks. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { ImageFolderSource } from "../../src/images/source.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import type { ExperimentConfig } from "../../src/experiment/config_types.ts";
import { loadConfig } from "../../src/host/load_config.ts";
import { evaluateRun } from "../../src/host/evaluate_run.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import { runExperiment } from "../../src/host/run.ts";
import { readConfig } from "../../src/host/run_folder.ts";
import type { RunOptions } from "../../src/host/worker_messages.ts";
import type { Summary } from "../../src/experiment/summary.ts";
import { readSafetensors } from "../../src/host/safetensors_files.ts";
import { plainPng, withFolder, write } from "../data/fixtures.ts";
import { tinyOptions } from "../reliability/tiny.ts";

// Runs open devices of their own; here it is only asked whether there is an adapter.
const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

// Up to two blocks may be frozen, so that later searches start from one that is.
const base = { ...tinyOptions, freezing: { ...tinyOptions.freezing, maxBlocks: 2 } };

async function run(
  changes: Record<string, unknown>,
  options: { stopAfter?: number; dataRoot?: string } = {},
) {
  const out = await Deno.makeTempDir();
  const events: RunEvent[] = [];
  let asked = 0;
  const config = resolveConfig({ ...base, ...changes }, []);
  const summary = await runExperiment(config, {
    dataRoot: options.dataRoot ?? out,
    cacheDir: join(out, "cache"),
    out,
    init: null,
    skipSelfTest: true,
    shouldStop: () => asked++ >= (options.stopAfter ?? Infinity),
    emit: (event) => events.push(event),
  });
  return { out, events, summary };
}

function test(name: string, body: () => Promise<void>) {
  Deno.test({ name, ignore: adapter === null, fn: body });
}

const summaryKeys = [
  ...["method", "schedule", "dataset", "seed", "tasks", "classIl", "taskIl", "freezing", "heads"],
  ...["samplesPerSecond", "steps", "seconds", "adapter", "denoVersion", "completed"],
];
const accuracyKeys = [
  "matrix",
  "finalAverage",
  "backwardTransfer",
  "forwardTransfer",
  "forgetting",
];

function checkSummary(summary: Summary) {
  for (const key of summaryKeys) assert.ok(key in summary, `summary lacks ${key}`);
  for (const accuracy of [summary.classIl, summary.taskIl]) {
    for (const key of accuracyKeys) assert.ok(key in accuracy, `accuracies lack ${key}`);
    for (const value of accuracy.matrix.flat()) {
      assert.ok(value !== null && value >= 0 && value <= 100);
    }
  }
  assert.equal(summary.completed, true);
}

for (
  const [name, changes] of Object.entries({
    "staged WSCL": {},
    "staged WSCL with hand-over at dusk": {
      wscl: { preset: "paper", sleepEpochs: 1, transfer: "dusk" },
    },
    "merged WSCL": { wscl: { freezing: true, schedule: "merged" } },
    "merged WSCL as the official program runs it": {
      wscl: { freezing: true, schedule: "merged", compat: "official" },
    },
    "ER-ACE": { method: "er_ace" },
    "fine-tuning": { method: "finetune" },
  })
) {
  test(`a run of ${name} goes through all tasks and leaves a summary`, async () => {
    const { summary, events } = await run(changes);
    checkSummary(summary);
    assert.deepEqual(summary.classIl.matrix.map((row) => row.length), [1, 2, 3]);
    assert.equal(
      new Set(summary.heads.flatMap(({ heads }) => heads)).size,
      6,
      "every class has a head of its own",
    );
    const searches = summary.method === "wscl" ? 2 : 0;
    assert.equal(summary.freezing.length, searches);
    for (const { candidates, chosen } of summary.freezing) {
      const best = Math.min(...candidates.map(({ loss }) => loss));
      assert.equal(candidates.find(({ loss }) => loss === best)?.frozen, chosen);
    }
    assert.equal(events.at(-1)?.type, "end");
    assert.ok(events.some((event) => event.type === "step" && Number.isFinite(event.loss)));
  });
}

test("a joint run learns all classes as one task and is evaluated on every task", async () => {
  const { summary, events } = await run({ method: "joint" });
  checkSummary(summary);
  assert.equal(events.filter(({ type }) => type === "heads").length, 3);
  assert.deepEqual(summary.classIl.matrix.map((row) => row.length), [3]);
  assert.equal(summary.classIl.forgetting, null);
});

test("two runs of one seed end with the same bits, another seed with others", async () => {
  const [first, second, other] = [await run({}), await run({}), await run({ seed: 1 })];
  const bytes = (folder: string) => Deno.readFile(join(folder, "model.safetensors"));
  assert.deepEqual(await bytes(first.out), await bytes(second.out));
  assert.notDeepEqual(await bytes(first.out), await bytes(other.out));
  assert.deepEqual(first.summary.classIl, second.summary.classIl);
});

test("runs that are compared, of any method and seed, have the same images drawn from each class", () =>
  withFolder(async (dataRoot) => {
    for (const part of ["train", "test"]) {
      for (let n = 0; n < 120; n++) {
        const path = join(dataRoot, `pets/${part}/${n % 6}/${n}.png`);
        write(path, plainPng(8, [n, part === "test" ? 9 : 0, 0]));
      }
    }
    const digests = async (changes: Record<string, unknown>, subsetSeed = 0) => {
      const source = {
        format: "image_folder",
        folder: "pets",
        trainPerClass: 12,
        testPerClass: 3,
        subsetSeed,
      };
      const data = { ...base.data, train: source };
      const { events } = await run({ ...changes, data }, { dataRoot, stopAfter: 20 });
      return events.flatMap((event) => event.type === "start" ? [event.data.digests] : [])[0];
    };
    const first = await digests({});
    assert.match(first.train, /^[0-9a-f]{64}$/);
    assert.notEqual(first.train, first.test);
    assert.deepEqual(await digests({ seed: 1 }), first);
    assert.deepEqual(await digests({ method: "er_ace", seed: 2 }), { ...first, dreams: null });
    const other = await digests({}, 1);
    assert.notEqual(other.train, first.train);
    assert.notEqual(other.test, first.test);
    assert.equal(other.dreams, first.dreams);
  }));

test("a run says which class is which, in all that it leaves, and goes on by those names", () =>
  withFolder(async (folder) => {
    const names = ["dog", "cat", "cow", "ant"];
    for (const part of ["train", "test"]) {
      for (const name of [...names, "bee"]) {
        for (let n = 0; n < 10; n++) {
          const path = join(folder, "data/pets", part, name, `${n}.png`);
          write(
            path,
            plainPng(8, [20 * n, 50 * names.indexOf(name) + 50, part === "test" ? 9 : 0]),
          );
        }
      }
    }
    const train = { format: "image_folder", folder: "pets", classes: ["dog", "2-3", 0, "bee"] };
    const data = { ...base.data, tasks: 2, train };
    const given = { ...base, freezing: { ...base.freezing, validation: 2, buffer: 2 }, data };
    const start = async (out: string, config: ExperimentConfig, options: Partial<RunOptions>) => {
      Deno.mkdirSync(out, { recursive: true });
      const events: RunEvent[] = [];
      const places = {
        dataRoot: join(folder, "data"),
        cacheDir: join(folder, "cache"),
        out,
        init: null,
      };
      const shouldStop = () => false;
      const emit = (event: RunEvent) => void events.push(event);
      const summary = await runExperiment(config, {
        ...places,
        skipSelfTest: true,
        shouldStop,
        emit,
        ...options,
      });
      return { events, summary };
    };
    const planned = resolveConfig(given, []);
    const whole = join(folder, "whole");
    const { events, summary } = await start(whole, planned, {});
    // In the order of names they are ant, bee, cat, cow, dog.
    assert.deepEqual(summary.heads.flatMap(({ classes }) => classes), names);
    const heads = summary.heads.flatMap(({ heads }) => heads);
    const told = events.flatMap((event) => event.type === "heads" ? [event] : []);
    assert.deepEqual(
      told.map(({ heads, classes }) => ({ heads, classes })),
      summary.heads.map(({ heads, classes }) => ({ heads, classes })),
    );
    const [begun] = events.flatMap((event) => event.type === "start" ? [event.data] : []);
    assert.deepEqual([begun.classNames, begun.leftOut], [names, ["bee"]]);
    assert.equal(begun.dreamClassNames.length, 6);
    assert.ok(
      events.some((event) => event.type === "message" && /left out: bee$/.test(event.text)),
    );
    const { metadata } = await readSafetensors(join(whole, "model.safetensors"));
    const byHead: string[] = JSON.parse(metadata.classes);
    assert.deepEqual(heads.map((head) => byHead[head]), names);
    const written = await loadConfig(join(whole, "config.json"));
    assert.deepEqual((written.data.train as ImageFolderSource).classes, [...names, "bee"]);
    assert.deepEqual(readConfig(whole), JSON.parse(JSON.stringify(planned)), "as it was planned");

    // By the configuration that was planned, or the one that the run left.
    for (const goesOnBy of ["planned", "left"]) {
      const out = join(folder, goesOnBy);
      let asked = 0;
      const cut = await start(out, planned, { shouldStop: () => asked++ > 25 });
      assert.equal(cut.summary.completed, false);
      const config = goesOnBy === "planned" ? planned : await loadConfig(join(out, "config.json"));
      const rest = await start(out, config, { resume: true });
      assert.deepEqual(rest.summary.heads, summary.heads);
      const model = (path: string) => Deno.readFileSync(join(path, "model.safetensors"));
      assert.deepEqual(model(out), model(whole));
      assert.deepEqual(readConfig(out), JSON.parse(JSON.stringify(planned)));
    }
  }));

test("a run that is asked to stop saves what it has and says that it is not complete", async () => {
  const { out, summary } = await run({}, { stopAfter: 20 });
  assert.equal(summary.completed, false);
  assert.equal(summary.classIl.finalAverage, null);
  assert.ok((await readSafetensors(join(out, "model.safetensors"))).tensors.has("linear.weight"));
  assert.equal(JSON.parse(await Deno.readTextFile(join(out, "summary.json"))).completed, false);
});

test("adjusted logits change what a run measures and not what it learns, and are had of its folder again", async () => {
  const changes = { memory: { ...tinyOptions.memory, selection: "balanced" } };
  const evaluation = { batchSize: 8, logitAdjustment: 5 };
  const [plain, adjusted] = [await run(changes), await run({ ...changes, evaluation })];
  const model = ({ out }: { out: string }) => Deno.readFile(join(out, "model.safetensors"));
  assert.deepEqual(await model(adjusted), await model(plain));
  assert.equal(plain.summary.labels, undefined);
  const labels = adjusted.summary.labels!;
  assert.ok(labels.length === 6 && labels.some((count) => count > 0));
  assert.notDeepEqual(adjusted.summary.classIl.matrix, plain.summary.classIl.matrix);
  const { out, summary } = adjusted;
  const again = await evaluateRun(out, { dataRoot: out, cacheDir: join(out, "cache") });
  assert.deepEqual(again.classIl, summary.classIl.matrix.at(-1));
  assert.deepEqual(again.taskIl, summary.taskIl.matrix.at(-1));
});

for (const precision of ["full", "mixed"]) {
  test(`evaluating a saved run of ${precision} precision gives the accuracies that the run measured last`, async () => {
    const { out, summary } = await run({ precision });
    assert.equal(summary.precision, precision);
    const again = await evaluateRun(out, { dataRoot: out, cacheDir: join(out, "cache") });
    assert.deepEqual(again.classIl, summary.classIl.matrix.at(-1));
    assert.deepEqual(again.taskIl, summary.taskIl.matrix.at(-1));
  });
}
