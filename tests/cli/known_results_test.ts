import assert from "node:assert/strict";
import { knownResults, readComparison } from "../../src/cli/known_results.ts";
import type { PlannedRow } from "../../src/experiment/comparison/plan.ts";
import { compareRuns } from "../../src/experiment/comparison/results.ts";
import { exampleSummary } from "../experiment/example_summary.ts";

const images = { trained: 1000, dreamt: 0, judged: 0, steps: 10 };
const row = (name: string): PlannedRow => ({ name, about: `about ${name}`, overrides: [], images });
const runs = (...values: number[]) =>
  values.map((classIl, seed) => ({ seed, folder: "", summary: exampleSummary({ seed, classIl }) }));

Deno.test("known results are a line for each row that has any", () => {
  const comparison = compareRuns(
    [row("wscl"), row("er_ace"), row("joint")],
    new Map([["wscl", runs(60, 64)], ["er_ace", runs(50)]]),
    { config: "demo", seeds: [0, 1], commit: "abc" },
  );
  const text = knownResults(comparison, "bench/results/demo.json");
  assert.match(text, /^62\.0 ± 2\.8 {2}80\.0 ± 0\.0 {2}wscl: about wscl$/m);
  assert.match(text, /^ +50\.0 +80\.0 {2}er_ace: about er_ace$/m);
  assert.doesNotMatch(text, /joint/);
  assert.match(
    text,
    /bench\/results\/demo\.json: 2 seeds on test, commit abc; again: \.\/wscl compare/,
  );
});

Deno.test("the results of the demo are there, of its configuration, with the baseline", () => {
  const path = new URL("../../bench/results/demo.json", import.meta.url).pathname;
  const { config, rows } = readComparison(path)!;
  assert.equal(config, "demo");
  const seedsOf = (name: string) => rows.find(({ row }) => row === name)!.runs.length;
  assert(["wscl", "er_ace", "er_ace_equal_compute"].every((name) => seedsOf(name) >= 3));
  assert.equal(readComparison(`${path}.none`), null);
});
