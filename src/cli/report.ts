import { join } from "node:path";
import { InputError } from "../errors.ts";
import { differingKeys, methodLabel, methodTable, rowKey } from "../experiment/report.ts";
import { readConfig, readSummary, runFolder } from "../host/run_folder.ts";
import type { Summary } from "../experiment/summary.ts";
import type { Terminal } from "./terminal.ts";

/** Prints the table over the runs; a folder without `summary.json` stands for the runs in it. */
export function report(paths: readonly string[], terminal: Terminal): void {
  const runs = [...new Set(paths.flatMap(runsIn))];
  const summaries = runs.map((path): [string, Summary] => [path, readSummary(path)]);
  const completed = summaries.filter(([, { completed }]) => completed);
  if (completed.length > 0) terminal.print(methodTable(completed.map(([, summary]) => summary)));
  for (const runs of Map.groupBy(completed, ([, summary]) => rowKey(summary)).values()) {
    const differing = differingKeys(runs.flatMap(([path]) => readConfig(path) ?? []));
    if (differing.length === 0) continue;
    const { dataset } = runs[0][1];
    terminal.print(
      `not only seeds: the runs of ${methodLabel(runs[0][1])} on ${dataset} differ in ` +
        `${differing.join(", ")}; name those of one setting`,
    );
  }
  for (const [path, summary] of summaries) {
    if (!summary.completed) terminal.print(`left out: ${path} did not complete`);
  }
}

function runsIn(path: string): string[] {
  if (exists(runFolder(path).summary)) return [path];
  let names: string[];
  try {
    names = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  } catch (error) {
    throw new InputError(
      `Cannot report on ${path}: ${
        error instanceof Deno.errors.NotFound
          ? "no such folder; name a run folder or a folder of runs"
          : `${(error as Error).message}; name a run folder or a folder of runs`
      }`,
    );
  }
  const runs = names.map((name) => join(path, name)).filter((run) =>
    exists(runFolder(run).summary)
  );
  if (runs.length === 0) {
    throw new InputError(
      `Cannot report on ${path}: no summary.json in it or one folder below; ` +
        "name the folder of a run that has ended",
    );
  }
  return runs;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
