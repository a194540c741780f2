/** `wscl compare`: which runs it makes, shares, skips and refuses. Runs are played by a stand-in for the worker. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { compare, type CompareOptions } from "../../src/cli/compare.ts";
import { InputError } from "../../src/errors.ts";
import type { Comparison } from "../../src/experiment/comparison/results.ts";
import { parseVariation } from "../../src/experiment/comparison/variations.ts";
import { writeJson } from "../../src/host/run_folder.ts";
import { lockRunFolder } from "../../src/host/run_lock.ts";
import { exampleOptions } from "../experiment/example_options.ts";
import { withFolder } from "../data/fixtures.ts";
import { recordingTerminal } from "./recording_terminal.ts";

const worker = new URL("../host/stand_in_worker.ts", import.meta.url);

function inFolder(folder: string, changes: Partial<CompareOptions> = {}) {
  const config = join(folder, "config.json");
  const wscl = { freezing: false };
  writeJson(config, exampleOptions({ name: "leaves-files", wscl, epochs: 2 }));
  const { terminal, printed } = recordingTerminal();
  const options: CompareOptions = {
    ...{ config, dataRoot: folder, cacheDir: folder, overrides: [], plan: false, worker },
    ...{
      seeds: [0, 1],
      rows: ["main"],
      variations: [],
      out: join(folder, "out"),
      speed: 1000,
      ...changes,
    },
  };
  return { run: () => compare(options, terminal), printed, out: options.out! };
}

Deno.test("compare trains each row with each seed and leaves a table, as text, JSON and CSV", () =>
  withFolder(async (folder) => {
    const { run, printed, out } = inFolder(folder);
    assert.equal(await run(), 0);
    const text = printed.join("\n");
    assert.match(text, /comparison +6 rows, 12 runs in .*, 0 of them finished/);
    assert.match(text, /er_ace_equal_compute +[\d,]+ images, 0 of them dreams: .*epochs=\d+\)/);
    assert.match(text, /time +about \d+:\d\d for what is left, at 1000 images a second/);
    assert.match(text, /\[12\/12\] joint seed 1 \.\.\.\n\[12\/12\] joint seed 1: Class-IL 60\.0 %/);
    assert.doesNotMatch(text, /go on with/);
    assert.match(text, /\| er_ace_dream_start +\| +2 \|/);
    const { rows }: Comparison = JSON.parse(Deno.readTextFileSync(join(out, "comparison.json")));
    assert.deepEqual(rows.map(({ runs }) => runs.map(({ seed }) => seed)), Array(6).fill([0, 1]));
    assert.equal(rows[1].firstMinusThis!.classIl!.mean, 0);
    const csv = Deno.readTextFileSync(join(out, "comparison.csv")).trimEnd().split("\n");
    assert.equal(csv.length, 13);
    // A second time there is nothing to do; more seeds are added to what is there.
    const again = inFolder(folder, { seeds: [0, 1, 2] });
    assert.equal(await again.run(), 0);
    assert.match(again.printed.join("\n"), /18 runs in .*, 12 of them finished/);
    assert.equal(again.printed.filter((line) => /^\[\d+\/18\].*: Class-IL/.test(line)).length, 6);
  }));

Deno.test("seeds that come later join those that are there, whichever rows they are of", () =>
  withFolder(async (folder) => {
    const compared = async (changes: Partial<CompareOptions>) => {
      const { run, out } = inFolder(folder, changes);
      assert.equal(await run(), 0);
      const { seeds, rows }: Comparison = JSON.parse(
        Deno.readTextFileSync(join(out, "comparison.json")),
      );
      const of = ({ runs }: Comparison["rows"][number]) => runs.map(({ seed }) => seed);
      return [seeds, ...rows.map((row) => [row.row, of(row), row.firstMinusThis?.classIl?.pairs])];
    };
    await compared({ seeds: [1, 11], rows: ["er_ace"] });
    assert.deepEqual(await compared({ seeds: [5], rows: ["joint"] }), [
      [1, 5, 11],
      ["wscl", [1, 5, 11], undefined],
      ["joint", [5], 1],
      ["er_ace", [1, 11], 2],
    ]);
    // A run that has not ended is none, and another row's folder is not one of this row's.
    for (const name of ["wscl-7", "wscl-x", "wscl-1-2"]) {
      Deno.mkdirSync(join(folder, "out", name));
    }
    assert.deepEqual(await compared({ seeds: [2], rows: ["er_ace"] }), [
      [1, 2, 5, 11],
      ["wscl", [1, 2, 5, 11], undefined],
      ["er_ace", [1, 2, 11], 3],
      ["joint", [5], 1],
    ]);
  }));

Deno.test("compare --plan says what would be run, and runs nothing", () =>
  withFolder(async (folder) => {
    const { run, printed, out } = inFolder(folder, { plan: true });
    assert.equal(await run(), 0);
    assert.match(printed.join("\n"), /12 runs/);
    assert.throws(() => Deno.statSync(out), Deno.errors.NotFound);
  }));

Deno.test("a run that another process is busy with is left to it, and waited for", () =>
  withFolder(async (folder) => {
    const { run, printed, out } = inFolder(folder, { seeds: [0], rows: ["joint"] });
    const busy = join(out, "wscl-0");
    Deno.mkdirSync(busy, { recursive: true });
    const lock = lockRunFolder(busy);
    const done = run();
    while (!printed.some((line) => /joint seed 0:/.test(line))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert(!printed.some((line) => /wscl seed 0:/.test(line)));
    lock[Symbol.dispose](); // the other one died: the run is free
    assert.equal(await done, 0);
    assert(printed.some((line) => /wscl seed 0:/.test(line)));
  }));

Deno.test("a comparison whose time is up ends with code 75 and keeps what it has", () =>
  withFolder(async (folder) => {
    const { run, printed, out } = inFolder(folder, { maxTime: 0.001 });
    assert.equal(await run(), 75);
    assert.equal(printed.at(-1), "0 of 12 runs are finished; go on with the same command");
    assert(!printed.some((line) => line.includes("| row")), "a table without a row");
    const { rows }: Comparison = JSON.parse(Deno.readTextFileSync(join(out, "comparison.json")));
    assert(rows.every(({ runs }) => runs.length === 0));
  }));

Deno.test("runs of another configuration in the folder are refused before anything is run", () =>
  withFolder(async (folder) => {
    assert.equal(await inFolder(folder, { seeds: [0], rows: ["joint"] }).run(), 0);
    const overrides = [{ path: "batchSize", value: 16 }];
    const other = inFolder(folder, { seeds: [0], rows: ["joint"], overrides });
    await assert.rejects(
      other.run(),
      (error: Error) =>
        error instanceof InputError &&
        /wscl-0 is of another configuration; choose another folder with --out/.test(error.message),
    );
    assert.deepEqual(other.printed, []);
    // Other seeds are no way around it: all would stand in one table.
    const later = inFolder(folder, { seeds: [1], rows: ["joint"], overrides });
    await assert.rejects(later.run(), /wscl-0 is of another configuration/);
  }));

Deno.test("compare refuses rows that a configuration has not, and data that is not there", () =>
  withFolder(async (folder) => {
    await assert.rejects(inFolder(folder, { rows: ["main", "der"] }).run(), /Cannot compare der: /);
    const overrides = [{ path: "data.train", value: { format: "cifar10", folder: "nowhere" } }];
    await assert.rejects(inFolder(folder, { overrides }).run(), InputError);
  }));

Deno.test("rows of one's own are run, gone on with and kept as the others are", () =>
  withFolder(async (folder) => {
    const even = parseVariation("even: method=er_ace, memory.selection=balanced");
    const first = inFolder(folder, { seeds: [0], rows: ["wscl"], variations: [even] });
    assert.equal(await first.run(), 0);
    assert.match(first.printed.join("\n"), /\[2\/2\] even seed 0: Class-IL/);
    const more = [even, parseVariation("held: wscl.remOpens=free")];
    const second = inFolder(folder, { seeds: [0], rows: ["wscl"], variations: more });
    assert.equal(await second.run(), 0);
    assert.match(second.printed.join("\n"), /3 runs in .*, 2 of them finished/);
    assert.equal(await inFolder(folder, { seeds: [0], rows: ["wscl"] }).run(), 0);
    const file = join(second.out, "comparison.json");
    const { rows }: Comparison = JSON.parse(Deno.readTextFileSync(file));
    assert.deepEqual(rows.map(({ row }) => row), ["wscl", "even", "held"]);
    const { runs, settings } = rows[1];
    assert.deepEqual([runs.length, settings["memory.selection"]], [1, "balanced"]);
    // Another row by the same name would be taken for it.
    const other = parseVariation("even: memory.selection=balanced");
    await assert.rejects(
      inFolder(folder, { seeds: [0], rows: ["wscl"], variations: [other] }).run(),
      /even-0 is of another configuration/,
    );
  }));
