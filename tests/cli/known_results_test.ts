import assert from "node:assert/strict";
import { knownResults, readComparison } from "../../src/cli/known_results.ts";
import type { PlannedRow } from "../../src/experiment/comparison/plan.ts";
import { compareRuns } from "../../src/experiment/comparison/results.ts";
import { exampleSummary } from "../experiment/example_summary.ts";

const images = { trained: 1000, dreamt: 0, judged: 0, steps: 10 };
const row = (name: string): PlannedRow => ({ name, about: `about ${name}`, overrides: [], images });
const runs = (...values: number[]) =>
  values.map((classIl, seed) => ({ seed, folder: "", summary: exampleSummary({ seed, classIl }) }));

Deno.test("known results are the deciding table, what its rows are, and the same seed's result", () => {
  const comparison = compareRuns(
    [row("wscl"), row("er_ace"), row("joint")],
    new Map([["wscl", runs(60, 64)], ["er_ace", runs(50)]]),
    { config: "demo", seeds: [0, 1], commit: "abc" },
  );
  const text = knownResults(comparison, "bench/results/demo.json", 1);
  assert.match(text, /^\| wscl +\| +2 \| +62\.0 ± 2\.8 \| +80\.0 ± 0\.0 \|/m);
  assert.match(text, /^\| er_ace +\| +1 \| +50\.0 \| +80\.0 \| +\+10\.0 \| 1 of 1 \|$/m);
  assert.match(text, /^er_ace: about er_ace$/m);
  assert.doesNotMatch(text, /joint/);
  assert.match(text, /Seed 1 came to Class-IL 64\.0 and Task-IL 80\.0 there/);
  assert.match(text, /^bench\/results\/demo\.json: on test, commit abc; the main rows again:$/m);
  assert.match(text, /^\.\/wscl compare --config configs\/demo\.json --seeds 0-1$/m);
  assert.match(knownResults(comparison, "x", 7), /one of wscl, with another seed/);
});

Deno.test("the results of the demo are there, of its configuration, with the baseline", () => {
  const path = new URL("../../bench/results/demo.json", import.meta.url).pathname;
  const { config, rows } = readComparison(path)!;
  assert.equal(config, "demo");
  const seedsOf = (name: string) => rows.find(({ row }) => row === name)!.runs.length;
  assert(["wscl", "er_ace", "er_ace_equal_compute"].every((name) => seedsOf(name) >= 3));
  assert.equal(readComparison(`${path}.none`), null);
});
