import assert from "node:assert/strict";
import type { PlannedRow } from "../../../src/experiment/comparison/plan.ts";
import { compareRuns, comparisonCsv } from "../../../src/experiment/comparison/results.ts";
import { comparisonTable } from "../../../src/experiment/comparison/table.ts";
import { exampleSummary } from "../example_summary.ts";

const images = { trained: 1000, dreamt: 0, judged: 0, steps: 10 };
const row = (name: string): PlannedRow => ({ name, about: `about ${name}`, overrides: [], images });
const run = (row: string, seed: number, classIl: number) => ({
  seed,
  folder: `${row}-${seed}`,
  summary: exampleSummary({ seed, classIl }),
});
const comparison = compareRuns(
  [row("wscl"), row("er_ace"), row("joint")],
  new Map([
    ["wscl", [run("wscl", 0, 60), run("wscl", 1, 70), run("wscl", 2, 62)]],
    // The seed that WSCL has not finished does not count, nor the one that this row has not.
    ["er_ace", [run("er_ace", 1, 64), run("er_ace", 0, 56), run("er_ace", 5, 99)]],
  ]),
  { config: "example", seeds: [0, 1, 2], commit: "abc" },
);

Deno.test("compareRuns() pairs runs by their seed", () => {
  const [wscl, erAce, joint] = comparison.rows;
  assert.equal(wscl.firstMinusThis, undefined);
  assert.equal(wscl.means.classIl!.mean, 64);
  const { mean, pairs, wins, interval } = erAce.firstMinusThis!.classIl!;
  assert.deepEqual([mean, pairs, wins], [5, 2, 2]);
  const half = 12.706 * Math.SQRT2 / Math.SQRT2;
  assert.ok(Math.abs(interval![1] - (5 + half)) < 1e-9);
  assert.deepEqual([joint.runs, joint.means.classIl, joint.firstMinusThis!.classIl], [
    [],
    null,
    null,
  ]);
  assert.equal(comparison.dataset, "drawn");
});

Deno.test("the table shows the rows that have runs, the csv a line each run", () => {
  const table = comparisonTable(comparison);
  assert.match(table, /\| wscl +\| +3 \| +64\.0 ± 5\.3 \|/);
  assert.match(table, /\| er_ace .*\+5\.0 \(−7\.7 to \+17\.7\) \| 2 of 2 \|/);
  assert.doesNotMatch(table, /joint/);
  assert.match(table, /^er_ace: about er_ace$/m);
  const lines = comparisonCsv(comparison).trimEnd().split("\n");
  assert.equal(lines.length, 7);
  assert.equal(
    lines[0],
    "row,seed,classIl,taskIl,forgetting,forwardTransferClassIl,forwardTransferTaskIl,images,seconds",
  );
  assert.equal(lines[1], "wscl,0,60,80,12.5,1,1,1000,12");
});

Deno.test("rows of an earlier comparison are kept, and set beside the first row as it is now", () => {
  const later = compareRuns(
    [row("wscl"), row("no_rem")],
    new Map([
      ["wscl", [run("wscl", 0, 70), run("wscl", 1, 70)]],
      ["no_rem", [run("no_rem", 0, 50)]],
    ]),
    { config: "example", seeds: [0, 1], commit: "def" },
    comparison,
  );
  assert.deepEqual(later.rows.map(({ row }) => row), ["wscl", "no_rem", "er_ace", "joint"]);
  const [, noRem, erAce] = later.rows;
  assert.equal(noRem.firstMinusThis!.classIl!.mean, 20);
  assert.deepEqual(erAce.runs, comparison.rows[1].runs);
  assert.equal(erAce.firstMinusThis!.classIl!.mean, 10); // 70 - 56 and 70 - 64
});
