/** What a sweep file says, and which part of it a process has. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { InputError } from "../../src/errors.ts";
import { inShard, shardOf } from "../../src/experiment/sweep/shard.ts";
import { parseSweep } from "../../src/experiment/sweep/sweep_file.ts";

const sweepOf = (changes: object) =>
  parseSweep({ configs: ["a.json"], seeds: [0, 1], ...changes }, "s.json");

Deno.test("a grid is all combinations of its values, the last key fastest", () => {
  const { points, parts, rows } = sweepOf({
    grid: { "network.width": [4, 8], "wscl.rem": [true, false] },
  });
  assert.equal(rows, null);
  assert.deepEqual(points.map(({ name }) => name), [
    "network.width=4,wscl.rem=true",
    "network.width=4,wscl.rem=false",
    "network.width=8,wscl.rem=true",
    "network.width=8,wscl.rem=false",
  ]);
  assert.deepEqual(points[1].overrides, [
    { path: "network.width", value: 4 },
    { path: "wscl.rem", value: false },
  ]);
  assert.deepEqual(parts, [{ name: "", overrides: [] }]);
});

Deno.test("points are rows by their names, each with every combination of the grid", () => {
  const { points } = sweepOf({
    points: [{ name: "base", set: { method: "er_ace" } }, { name: "wscl", about: "all of it" }],
    grid: { "memory.longTerm": [20, 50] },
  });
  assert.deepEqual(points.map(({ name }) => name), [
    "base,memory.longTerm=20",
    "base,memory.longTerm=50",
    "wscl,memory.longTerm=20",
    "wscl,memory.longTerm=50",
  ]);
  assert.deepEqual(points[0].overrides.map(({ path }) => path), ["method", "memory.longTerm"]);
  assert.equal(points[2].about, "all of it, memory.longTerm=20");
});

Deno.test("with rows of a comparison each combination of the grid is a comparison of its own", () => {
  const { rows, points, parts } = sweepOf({
    rows: ["main"],
    grid: { "memory.longTerm": [20, 50] },
  });
  assert.deepEqual(rows, ["main"]);
  assert.deepEqual(points, []);
  assert.deepEqual(parts.map(({ name }) => name), ["memory.longTerm=20", "memory.longTerm=50"]);
});

Deno.test("without a grid there is the configuration as it is", () => {
  assert.deepEqual(sweepOf({}).points.map(({ name }) => name), ["run"]);
});

Deno.test("names are folders, whatever the values are, and differ where the values do", () => {
  const lists = [[0.1, 0.2, 0.3], [0.1, 0.2, 0.4], Array(60).fill(0.5), Array(61).fill(0.5)];
  const { points } = sweepOf({ grid: { "data.mean": lists } });
  const names = points.map(({ name }) => name);
  assert.equal(new Set(names).size, lists.length);
  for (const name of names) assert.match(name, /^[\w.=,+-]{1,120}$/);
});

for (
  const [what, changes, message] of [
    ["no configuration", { configs: [] }, /configs: /],
    ["an unknown key", { gird: {} }, /unknown key gird/],
    ["rows that are no list", { rows: "main" }, /rows is "main", expected a list/],
    ["seeds that are no numbers", { seeds: ["0-4"] }, /seeds\.0 is "0-4", expected a number/],
    ["a seed twice", { seeds: [1, 1] }, /a seed is given twice/],
    ["an unknown key of the configuration", {
      grid: { "network.widht": [4] },
    }, /unknown key network\.widht; the nearest known key is network\.width/],
    ["the seed in the grid", { grid: { seed: [1, 2] } }, /name seeds in seeds/],
    ["rows and points", { rows: ["main"], points: [{ name: "a" }] }, /both rows and points/],
    ["two points of a name", { points: [{ name: "a" }, { name: "A" }] }, /two points are called A/],
    ["a name that is no folder", { points: [{ name: "../a" }] }, /names folders/],
    ["a key twice", {
      points: [{ name: "a", set: { epochs: 1 } }],
      grid: { epochs: [1, 2] },
    }, /the point a and the grid both set epochs/],
    ["a value twice", { grid: { epochs: [1, 1] } }, /grid\.epochs has a value twice/],
    [
      "a key that is not there any more",
      { set: { "optimizer.schedule": "cosine" } },
      /not there any/,
    ],
    ["a list of settings", { set: [] }, /set: .*expected an object of keys/],
    ["too many runs", {
      grid: Object.fromEntries(
        ["epochs", "batchSize", "replayBatchSize"].map((key) => [
          key,
          Array.from({ length: 50 }, (_, i) => i + 1),
        ]),
      ),
    }, /250000 runs/],
  ] as const
) {
  Deno.test(`a sweep file with ${what} is refused`, () => {
    assert.throws(
      () => sweepOf(changes),
      (error: Error) =>
        error instanceof InputError && error.message.startsWith("Cannot use the sweep s.json: ") &&
        message.test(error.message),
    );
  });
}

const inside = (variables: Record<string, string>) => (name: string) => variables[name];
const array = (id: number, min: number, max: number, count: number, step = 1) =>
  inside({
    SLURM_ARRAY_TASK_ID: String(id),
    SLURM_ARRAY_TASK_MIN: String(min),
    SLURM_ARRAY_TASK_MAX: String(max),
    SLURM_ARRAY_TASK_COUNT: String(count),
    SLURM_ARRAY_TASK_STEP: String(step),
  });

Deno.test("a shard is given, or told by the scheduler", () => {
  const none = inside({});
  assert.equal(shardOf({}, none), null);
  assert.deepEqual(shardOf({ given: "2/5" }, none), { index: 2, count: 5 });
  assert.deepEqual(shardOf({}, array(7, 5, 8, 4)), { index: 3, count: 4 });
  assert.deepEqual(shardOf({}, array(0, 0, 6, 4, 2)), { index: 1, count: 4 });
  assert.deepEqual(shardOf({ given: "1/2" }, array(7, 5, 8, 4)), { index: 1, count: 2 });
  const job = inside({ JOB_COMPLETION_INDEX: "3" });
  assert.deepEqual(shardOf({ shards: 4 }, job), { index: 4, count: 4 });
});

for (
  const [what, options, variables, message] of [
    ["a shard beyond the last", { given: "5/4" }, inside({}), /numbered from 1/],
    ["shard 0", { given: "0/4" }, inside({}), /numbered from 1/],
    ["half a shard", { given: "1" }, inside({}), /expected i\/n/],
    ["an array with gaps", {}, array(3, 1, 7, 3), /no plain range/],
    ["another number than the array's", { shards: 3 }, array(1, 1, 4, 4), /has 4 tasks/],
    ["a number without an index", { shards: 3 }, inside({}), /nothing says which part/],
    ["an index without a number", {}, inside({ JOB_COMPLETION_INDEX: "0" }), /add --shards/],
    ["an index beyond", { shards: 2 }, inside({ JOB_COMPLETION_INDEX: "2" }), /2 parts/],
  ] as const
) {
  Deno.test(`${what} is refused`, () => {
    assert.throws(
      () => shardOf(options, variables),
      (error: Error) => error instanceof InputError && message.test(error.message),
    );
  });
}

Deno.test("the shards of some work have all of it, each part once, and are equally long but for one", () => {
  const few = fc.integer({ min: 1, max: 20 });
  fc.assert(fc.property(fc.nat(200), few, few, (length, count, rows) => {
    const work = Array.from({ length }, (_, i) => i);
    const shards = Array.from(
      { length: count },
      (_, i) => inShard(work, { index: i + 1, count }, rows),
    );
    assert.deepEqual(shards.flat().sort((a, b) => a - b), work);
    const lengths = shards.map((shard) => shard.length);
    assert(Math.max(...lengths) - Math.min(...lengths) <= 1);
  }));
});

Deno.test("every file in configs/sweeps/ is a sweep of configurations that are there", () => {
  const folder = new URL("../../configs/sweeps/", import.meta.url);
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name);
  assert(files.length > 0);
  for (const name of files) {
    const file = new URL(name, folder);
    const { configs } = parseSweep(JSON.parse(Deno.readTextFileSync(file)), name);
    for (const config of configs) assert(Deno.statSync(new URL(config, file)).isFile, config);
  }
});

Deno.test("a shard has other rows with other seeds", () => {
  const rows = 4;
  const work = Array.from({ length: 4 * rows }, (_, i) => i);
  for (const count of [2, 4, 8]) {
    const part = inShard(work, { index: 1, count }, rows);
    const different = new Set(part.map((i) => i % rows));
    assert.equal(different.size, Math.min(rows, part.length), `${count} shards`);
  }
});
