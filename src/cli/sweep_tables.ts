import { join } from "node:path";
import { comparisonTable } from "../experiment/comparison/table.ts";
import { isFinished } from "../host/run_folder.ts";
import type { PlannedComparison } from "./plan_sweep.ts";
import { type Job, writeComparison } from "./run_jobs.ts";
import type { Terminal } from "./terminal.ts";

/** All runs, seed by seed over all comparisons. */
export function bySeed(comparisons: readonly PlannedComparison[]): Job[] {
  const jobs = comparisons.flatMap(({ jobs }) => jobs);
  const seeds = [...new Set(jobs.map(({ seed }) => seed))];
  return seeds.flatMap((seed) => jobs.filter((job) => job.seed === seed));
}

/** What a sweep is made of, in a line. */
export function describeSweep(comparisons: readonly PlannedComparison[], out: string): string {
  const jobs = comparisons.flatMap(({ jobs }) => jobs);
  const finished = jobs.filter(({ folder }) => isFinished(folder)).length;
  const count = comparisons.length === 1 ? "1 comparison" : `${comparisons.length} comparisons`;
  return `sweep          ${count}, ${jobs.length} runs in ${out}, ${finished} of them finished`;
}

/** Writes what is finished of each comparison, and prints its table. */
export function printTables(
  comparisons: readonly PlannedComparison[],
  out: string,
  terminal: Terminal,
): void {
  for (const { name, plan, jobs } of comparisons) {
    if (!jobs.some(({ folder }) => isFinished(folder))) continue;
    const comparison = writeComparison(plan, jobs);
    terminal.print(`\n${name}\n\n${comparisonTable(comparison)}`);
    terminal.print(`\nwritten: ${join(plan.out, "comparison.json")}`);
  }
  const jobs = comparisons.flatMap(({ jobs }) => jobs);
  const finished = jobs.filter(({ folder }) => isFinished(folder)).length;
  if (finished < jobs.length) {
    terminal.print(
      `\n${finished} of ${jobs.length} runs in ${out} are finished; go on with the same command`,
    );
  }
}
