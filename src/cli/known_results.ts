import { InputError } from "../errors.ts";
import type { Comparison } from "../experiment/comparison/results.ts";

/**
 * What a comparison found, as a run of its configuration sets its own result beside it: a line for each row, means and
 * deviations over the seeds.
 *
 * @param source the comparison's file, as it is named to the user
 */
export function knownResults({ rows, seeds, adapter, commit }: Comparison, source: string): string {
  const lines = rows.filter(({ runs }) => runs.length > 0)
    .map(({ row, about, means }) =>
      [
        ...[means.classIl, means.taskIl].map((value) => figures(value).padStart(10)),
        `${row}: ${about}`,
      ].join("  ")
    );
  const table = ["Class-IL %   Task-IL %  known results", ...lines].join("\n");
  const measured = `${seeds.length} seeds on ${adapter}, commit ${commit ?? "unknown"}`;
  return `${table}\n\n${source}: ${measured}; again: ./wscl compare --config configs/demo.json`;
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

function figures(value: { mean: number; deviation: number | null } | null): string {
  if (!value) return "-";
  const { mean, deviation } = value;
  return deviation === null ? mean.toFixed(1) : `${mean.toFixed(1)} ± ${deviation.toFixed(1)}`;
}
