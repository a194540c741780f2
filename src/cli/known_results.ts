import { InputError } from "../errors.ts";
import type { Comparison } from "../experiment/comparison/results.ts";
import { decidingNote, decidingTable, rowLegend } from "../experiment/comparison/table.ts";

/**
 * What a comparison found, for a run of its first row to be set beside: the table that decides, what its rows are, and
 * what the run of the same seed came to there.
 *
 * @param source the comparison's file, as it is named to the user
 * @param seed of the run that has ended
 */
export function knownResults(comparison: Comparison, source: string, seed: number): string {
  const { rows, seeds, adapter, commit, config } = comparison;
  const [{ row, runs }] = rows;
  const same = runs.find((run) => run.seed === seed);
  return [
    "Known results",
    decidingTable(comparison),
    rowLegend(comparison),
    decidingNote(comparison),
    ...same
      ? [
        `This run is one of ${row}. Seed ${seed} came to Class-IL ${
          figure(same.classIl)
        } and Task-IL ` +
        `${figure(same.taskIl)} there.`,
      ]
      : [`This run is one of ${row}, with another seed.`],
    `${source}: on ${adapter}, commit ${commit ?? "unknown"}; the main rows again:\n` +
    `./wscl compare --config configs/${config}.json --seeds 0-${seeds.length - 1}`,
  ].join("\n\n");
}

/** Reads a `comparison.json`; null where there is none. @throws {InputError} for one that is damaged. */
export function readComparison(path: string): Comparison | null {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError(
      `Cannot read ${path}: it is damaged; remove it, it is made again of the runs beside it`,
    );
  }
}

function figure(value: number | null | undefined): string {
  return value === null || value === undefined ? "-" : value.toFixed(1);
}
