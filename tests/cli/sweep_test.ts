/** `wscl sweep`: which runs it makes, shares and refuses. Runs are played by a stand-in for the worker. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { sweep, type SweepOptions } from "../../src/cli/sweep.ts";
import { InputError } from "../../src/errors.ts";
import { writeJson } from "../../src/host/run_folder.ts";
import { exampleOptions } from "../experiment/example_options.ts";
import { withFolder } from "../data/fixtures.ts";
import { recordingTerminal } from "./recording_terminal.ts";

const worker = new URL("../host/stand_in_worker.ts", import.meta.url);

function inFolder(folder: string, file: object, changes: Partial<SweepOptions> = {}) {
  writeJson(
    join(folder, "one.json"),
    exampleOptions({ name: "leaves-files", wscl: { freezing: false }, epochs: 2 }),
  );
  writeJson(join(folder, "sweep.json"), { configs: ["one.json"], seeds: [0, 1], ...file });
  const { terminal, printed } = recordingTerminal();
  const report = (out: string) => Promise.resolve(void printed.push(`report of ${out}`));
  const options: SweepOptions = {
    report,
    ...{ file: join(folder, "sweep.json"), dataRoot: folder, cacheDir: folder, overrides: [] },
    ...{ out: join(folder, "out"), plan: false, detach: false, worker, ...changes },
  };
  return { run: () => sweep(options, terminal), printed, out: options.out };
}

const grid = { grid: { method: ["wscl", "er_ace", "finetune"] } };

Deno.test("a sweep trains each point with each seed and leaves a table of each comparison", () =>
  withFolder(async (folder) => {
    const { run, printed, out } = inFolder(folder, grid);
    assert.equal(await run(), 0);
    const text = printed.join("\n");
    assert.match(text, /1 comparison, 6 runs in .*, 0 of them finished/);
    assert.match(text, /\[6\/6\] one: method=finetune seed 1: Class-IL 60\.0 %/);
    assert.match(text, /\| method=er_ace +\| +2 \|/);
    assert.equal(printed.at(-1), `report of ${out}`);
    const { rows } = JSON.parse(Deno.readTextFileSync(join(out, "one", "comparison.json")));
    assert.deepEqual(rows.map(({ row }: { row: string }) => row), [
      ...["method=wscl", "method=er_ace", "method=finetune"],
    ]);
    const again = inFolder(folder, grid);
    assert.equal(await again.run(), 0);
    assert.match(again.printed.join("\n"), /6 runs in .*, 6 of them finished/);
  }));

Deno.test("shards in one folder, at the same time, end in the table of one process", () =>
  withFolder(async (folder) => {
    const whole = inFolder(folder, grid, { out: join(folder, "whole") });
    assert.equal(await whole.run(), 0);
    const shards = ["1/3", "2/3", "3/3"].map((shard) => inFolder(folder, grid, { shard }));
    assert.deepEqual(await Promise.all(shards.map(({ run }) => run())), [0, 0, 0]);
    const table = (out: string) =>
      JSON.parse(
        Deno.readTextFileSync(join(out, "one", "comparison.json")),
      );
    assert.deepEqual(table(shards[0].out), table(whole.out));
  }));

Deno.test("rows that compare knows are planned for each combination of the grid", () =>
  withFolder(async (folder) => {
    const file = { rows: ["wscl", "er_ace_equal_compute"], grid: { "memory.longTerm": [40, 80] } };
    const { run, printed, out } = inFolder(folder, { ...file, seeds: [0] });
    assert.equal(await run(), 0);
    assert.match(printed.join("\n"), /2 comparisons, 4 runs/);
    for (const size of [40, 80]) {
      const path = join(out, "one", `memory.longTerm=${size}`);
      const { rows } = JSON.parse(Deno.readTextFileSync(join(path, "comparison.json")));
      assert.equal(rows.length, 2);
      const config = JSON.parse(Deno.readTextFileSync(join(path, "wscl-0", "config.json")));
      assert.equal(config.memory.longTerm, size);
    }
  }));

Deno.test("a sweep says what it would run, and runs nothing", () =>
  withFolder(async (folder) => {
    const { run, printed, out } = inFolder(folder, grid, { plan: true, shard: "2/2" });
    assert.equal(await run(), 0);
    assert.match(printed[0], /shard 2\/2 has 3 of the runs/);
    assert.equal(printed.length, 4);
    assert.throws(() => Deno.statSync(out), Deno.errors.NotFound);
  }));

for (
  const [what, file, changes, message] of [
    ["a configuration that is not there", { configs: ["none.json"] }, {}, /no such file/],
    ["a value that cannot be", { grid: { epochs: [0] } }, {}, /epochs is 0/],
    [
      "a key that a row sets",
      grid,
      { overrides: [{ path: "method", value: "er" }] },
      /the row method=wscl of .* sets it/,
    ],
    ["a queue and a shard", grid, { queue: "redis://h", shard: "1/2" }, /divide it/],
    ["no queue to leave", grid, { detach: true }, /no queue is given/],
  ] as const
) {
  Deno.test(`a sweep with ${what} is refused before anything is run`, () =>
    withFolder(async (folder) => {
      const { run, out } = inFolder(folder, file, changes);
      await assert.rejects(run, (error: Error) => {
        return error instanceof InputError && message.test(error.message);
      });
      assert.throws(() => Deno.statSync(out), Deno.errors.NotFound);
    }));
}

Deno.test("runs of another sweep in the folder are refused", () =>
  withFolder(async (folder) => {
    assert.equal(await inFolder(folder, grid).run(), 0);
    const other = inFolder(folder, { ...grid, set: { epochs: 3 } });
    await assert.rejects(other.run, /is of another configuration; choose another folder/);
  }));

Deno.test("a run that fails keeps none of the others from being run, and is named", () =>
  withFolder(async (folder) => {
    const options = { wscl: { freezing: false }, epochs: 2 };
    writeJson(join(folder, "two.json"), exampleOptions({ name: "type-error", ...options }));
    const file = { configs: ["two.json", "one.json"], seeds: [0] };
    const { run, printed, out } = inFolder(folder, file);
    assert.equal(await run(), 1);
    const text = printed.join("\n");
    assert.match(text, /failed: two: run seed 0: shapes differ/);
    assert.match(text, /one: run seed 0: Class-IL 60\.0 %/);
    assert.match(text, /1 of 2 runs in .* are finished/);
    assert.doesNotMatch(text, /report of/);
    assert(Deno.statSync(join(out, "one", "comparison.json")).isFile);
    // Once more, when only what fails is left, the table is there as well.
    const again = inFolder(folder, file);
    assert.equal(await again.run(), 1);
    assert.match(again.printed.join("\n"), /failed: two: run seed 0: shapes differ[^]*\| run /);
    // Alone it is the error of the command.
    const alone = inFolder(folder, { ...file, configs: ["two.json"] }, { out: join(folder, "b") });
    await assert.rejects(alone.run, /shapes differ/);
  }));

Deno.test("a table that is damaged is named, with what to do", () =>
  withFolder(async (folder) => {
    const { run, out } = inFolder(folder, grid);
    assert.equal(await run(), 0);
    Deno.writeTextFileSync(join(out, "one", "comparison.json"), "");
    await assert.rejects(
      inFolder(folder, grid).run,
      /Cannot read .*comparison\.json: it is damaged; remove it/,
    );
  }));
