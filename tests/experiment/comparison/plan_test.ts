/** What a comparison plans: which rows there are, how long each is, and that the counts are those of real runs. */
import assert from "node:assert/strict";
import { countImages } from "../../../src/experiment/comparison/count_images.ts";
import { passesFor, passesOf, planRows } from "../../../src/experiment/comparison/plan.ts";
import { chooseRows, rowsOf } from "../../../src/experiment/comparison/rows.ts";
import { parseVariation } from "../../../src/experiment/comparison/variations.ts";
import { resolveConfig } from "../../../src/experiment/config.ts";
import type { ExperimentConfig } from "../../../src/experiment/config_types.ts";
import { openMaterials } from "../../../src/host/open_materials.ts";
import type { Override } from "../../../src/experiment/overrides.ts";
import { runTiny, tinyOptions } from "../../reliability/tiny.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

const config = (changes: Record<string, unknown> = {}) =>
  resolveConfig({ ...tinyOptions, ...changes });
const open = (config: ExperimentConfig) =>
  openMaterials(config, { dataRoot: ".", cacheDir: ".", progress: () => {}, warn: () => {} });
const count = async (config: ExperimentConfig) => await countImages(config, await open(config));

const quiet = { sleepEpochs: 2, freezing: false };
const counted: readonly [string, Record<string, unknown>][] = [
  ["staged", { wscl: { ...quiet, dreamsPerEpisode: "all", transfer: "nrem" } }],
  ["staged, replay awake", { wscl: { ...quiet, dreamsPerEpisode: 0.7, wakeReplay: true } }],
  ["staged without NREM", { wscl: { ...quiet, nrem: false } }],
  ["staged, dreams of memory", { wscl: { ...quiet, dreamsFrom: "memory" } }],
  ["merged", { wscl: { ...quiet, schedule: "merged" } }],
  ["merged over ER", { wscl: { ...quiet, schedule: "merged", base: "er" } }],
  ["merged over DER++", { wscl: { ...quiet, schedule: "merged", base: "derpp" } }],
  ["er_ace", { method: "er_ace" }],
  ["er_ace, calibrated", { method: "er_ace", calibration: 3 }],
  ["er_ace after dreams", { method: "er_ace", dreamStart: 50 }],
  ["er_ace after dreams, of images whatever the nights dream of", {
    ...{ method: "er_ace", dreamStart: 50 },
    wscl: { dreamsFrom: "memory" },
  }],
  ["er", { method: "er" }],
  ["derpp", { method: "derpp" }],
  ["finetune", { method: "finetune" }],
  ["joint", { method: "joint" }],
];
for (const [name, changes] of counted) {
  const fn = async () => {
    const out = await Deno.makeTempDir();
    try {
      const { summary } = await runTiny({ out, changes });
      const { trained, steps, dreamt } = await count(config(changes));
      assert.equal(dreamt > 0, /staged|merged|dreams/.test(name), "dreams");
      assert.deepEqual([summary.images, summary.steps], [trained, steps]);
    } finally {
      await Deno.remove(out, { recursive: true });
    }
  };
  Deno.test({ name: `counted images and steps are those of a run: ${name}`, ignore: !adapter, fn });
}

Deno.test("a freezing search counts as the most that it can cost", async () => {
  for (const schedule of ["staged", "merged"]) {
    const wscl = { freezing: true, sleepEpochs: 1, schedule };
    const fixed = await count(
      config({ wscl, freezing: { ...tinyOptions.freezing, maxBlocks: 0 } }),
    );
    const two = await count(config({ wscl, freezing: { ...tinyOptions.freezing, maxBlocks: 2 } }));
    // Three candidates instead of one in each of the two later tasks.
    assert.ok(two.trained > fixed.trained && two.judged > fixed.judged, schedule);
  }
});

Deno.test("passes are those over the stream: the wake epoch and the nights, or the epochs", async () => {
  const materials = await open(config({ wscl: quiet }));
  // 24 images a task, of which the short-term memory holds 16.
  assert.equal(passesOf(config({ wscl: { ...quiet, sleepEpochs: 9 } }), materials), 1 + 6);
  const all = config({
    wscl: { ...quiet, sleepEpochs: 9 },
    memory: { longTerm: 16, shortTerm: 24 },
  });
  assert.equal(passesOf(all, materials), 10);
  assert.equal(
    passesOf(config({ wscl: { ...quiet, schedule: "merged" }, epochs: 7 }), materials),
    7,
  );
});

Deno.test("equal compute is the fewest passes with at least as many images, in epochs or in sleep", async () => {
  const lengths: [ExperimentConfig, (passes: number) => Record<string, unknown>][] = [
    [config({ method: "er_ace" }), (epochs) => ({ method: "er_ace", epochs })],
    [config({ wscl: quiet }), (sleepEpochs) => ({ wscl: { ...quiet, sleepEpochs } })],
  ];
  for (const [method, changes] of lengths) {
    const materials = await open(method);
    for (const target of [1, 500, 1234, 4000]) {
      const { passes, images } = await passesFor(method, materials, target);
      assert.ok(images.trained >= target);
      assert.deepEqual(await count(config(changes(passes))), images);
      if (passes === 1) continue;
      const fewer = await count(config(changes(passes - 1)));
      assert.ok(fewer.trained < target, `${passes - 1} passes have ${fewer.trained} of ${target}`);
    }
  }
  const idle = config({ wscl: { ...quiet, nrem: false, rem: false } });
  await assert.rejects(
    passesFor(idle, await open(idle), 4000),
    /^InputError: .*more wscl.sleepEpochs train on no more images; switch wscl.nrem or wscl.rem on/,
  );
});

const load = (overrides: readonly Override[]) =>
  Promise.resolve(resolveConfig({ ...tinyOptions, wscl: quiet }, overrides));

Deno.test("rows: WSCL, its controls on equal passes, compute and dreams, and its ablation", async () => {
  const rows = await planRows(["all"], { load, open });
  assert.deepEqual(rows.map(({ name }) => name), [
    ...["wscl", "er_ace", "er_ace_equal_compute", "er_ace_dream_start", "finetune", "joint"],
    ...[
      "best",
      "er_ace_best",
      "paper",
      "no_rem",
      "memory_dreams",
      "no_nrem",
      "no_head_assignment",
      "freezing",
      "merged",
    ],
  ]);
  const of = (name: string) => rows.find((row) => row.name === name)!;
  const [wscl, equal, start] = ["wscl", "er_ace_equal_compute", "er_ace_dream_start"].map(of);
  assert.ok(wscl.images.dreamt > 0 && of("no_rem").images.dreamt === 0);
  assert.ok(of("memory_dreams").images.dreamt > 0);
  assert.ok(equal.images.trained >= wscl.images.trained);
  assert.equal(of("best").images.trained, wscl.images.trained);
  assert.ok(of("er_ace_best").images.trained >= of("best").images.trained);
  assert.equal(equal.overrides.filter(({ path }) => path === "epochs").length, 1);
  // A start on dreams ends with a whole batch.
  assert.ok(start.images.dreamt >= wscl.images.dreamt);
  assert.ok(start.images.dreamt < wscl.images.dreamt + tinyOptions.batchSize);
  // Every row is a configuration of its own, on the same images.
  const configs = await Promise.all(rows.map(({ overrides }) => load(overrides)));
  assert.equal(new Set(configs.map((row) => JSON.stringify(row))).size, rows.length);
  for (const { data, network, memory } of configs) {
    assert.deepEqual([data, network, memory], [
      configs[0].data,
      configs[0].network,
      configs[0].memory,
    ]);
  }
});

Deno.test("what is beyond the paper is a row where it is off, and its absence is one where it is on", async () => {
  const options = { ...tinyOptions, wscl: { ...quiet, preset: "best" } };
  const load = (overrides: readonly Override[]) =>
    Promise.resolve(resolveConfig(options, overrides));
  const rows = await planRows(["all"], { load, open });
  assert.deepEqual(rows.map(({ name }) => name).slice(6, 9), ["plain", "er_ace_plain", "paper"]);
  const adjusted = async (name: string) =>
    (await load(rows.find((row) => row.name === name)!.overrides)).evaluation.logitAdjustment;
  const names = ["wscl", "er_ace_equal_compute", "no_rem", "plain", "er_ace_plain"];
  assert.deepEqual(await Promise.all(names.map(adjusted)), [1, 1, 1, 0, 0]);
});

Deno.test("a row that would meet a segment of one image is refused before any row is trained", async () => {
  const load = (overrides: readonly { path: string; value: unknown }[]) =>
    Promise.resolve(config({
      wscl: quiet,
      batchSize: 71, // a task has 24 images, all tasks 72
      ...Object.fromEntries(
        overrides.map(({ path, value }) => [path, path.startsWith("wscl") ? quiet : value]),
      ),
    }));
  await planRows(["finetune"], { load, open, seeds: [0, 1] });
  await assert.rejects(
    planRows(["finetune", "joint"], { load, open, seeds: [0, 1] }),
    /^InputError: Cannot train joint: a batch has one image \(72 images in batches of 71\)/,
  );
});

Deno.test("chooseRows() knows groups and names, keeps WSCL, and names what there is", () => {
  const rows = rowsOf(config({ wscl: { freezing: true, schedule: "merged" } }), 3);
  const names = (...chosen: string[]) => chooseRows(rows, chosen).map(({ name }) => name);
  assert.deepEqual(names("joint", "finetune"), ["wscl", "finetune", "joint"]);
  assert.deepEqual(names("ablation").slice(2, 5), ["er_ace_best", "paper", "no_rem"]);
  assert.ok(names("all").includes("staged") && names("all").includes("no_freezing"));
  assert.throws(
    () => names("er"),
    /Cannot compare er: it is no row .*; choose of main, ablation, all, wscl,/,
  );
  assert.deepEqual(names(), ["wscl"]);
});

Deno.test("rows of one's own have their keys and are as long as it takes for as many images", async () => {
  const variations = [
    "more: wscl.dreamsPerEpisode=1, wscl.remOpens=free",
    "even: method=er_ace, memory.selection=balanced",
  ].map(parseVariation);
  const rows = await planRows(["er_ace_equal_compute"], { load, open, variations });
  assert.deepEqual(rows.map(({ name }) => name), ["wscl", "er_ace_equal_compute", "more", "even"]);
  const [wscl, equal, more, even] = rows;
  const configs = await Promise.all([more, even].map(({ overrides }) => load(overrides)));
  const [own, baseline] = configs;
  assert.deepEqual([own.wscl.dreamsPerEpisode, own.wscl.remOpens, own.method], [1, "free", "wscl"]);
  assert.deepEqual([baseline.memory.selection, baseline.method], ["balanced", "er_ace"]);
  const valueOf = (row: typeof wscl, key: string) =>
    row.overrides.find(({ path }) => path === key)?.value;
  // A memory does not change how long a step is.
  assert.equal(valueOf(even, "epochs"), valueOf(equal, "epochs"));
  for (const [row, changes] of [[more, "wscl.sleepEpochs"], [even, "epochs"]] as const) {
    assert.ok(row.images.trained >= wscl.images.trained);
    const passes = valueOf(row, changes) as number;
    const fewer = await load([...row.overrides, { path: changes, value: passes - 1 }]);
    assert.ok((await count(fewer)).trained < wscl.images.trained, row.name);
  }
  assert.match(even.about, /^er_ace with memory\.selection=balanced, as many images/);
});
