import { InputError } from "../errors.ts";
import { resolveConfig } from "./config.ts";
import { neutralLeaves, withoutRetired } from "./retired_keys.ts";
import type { AccuracySummary, Summary } from "./summary.ts";

/** A row of the table for each method and data set: mean ± standard deviation over its seeds. */
export function methodTable(summaries: readonly Summary[]): string {
  const groups = Map.groupBy(
    summaries.filter(({ completed }) => completed),
    rowKey,
  );
  const severalDatasets = new Set(summaries.map(({ dataset }) => dataset)).size > 1;
  const rows = [...groups.values()].map((runs) => [
    ...(severalDatasets ? [runs[0].dataset] : []),
    methodLabel(runs[0]),
    String(runs.length),
    meanAndDeviation(runs.map(({ classIl }) => classIl.finalAverage)),
    meanAndDeviation(runs.map(({ taskIl }) => taskIl.finalAverage)),
    meanAndDeviation(runs.map(({ classIl }) => classIl.forgetting)),
    meanAndDeviation(runs.map(({ seconds }) => seconds), 0),
  ]);
  const header = [
    ...(severalDatasets ? ["data set"] : []),
    "method",
    "runs",
    "Class-IL %",
    "Task-IL %",
    "forgetting",
    "seconds",
  ];
  return textTable([header, ...rows], severalDatasets ? 2 : 1);
}

/** What runs of one row of the table have in common. */
export function rowKey(summary: Summary): string {
  return `${summary.dataset}\n${methodLabel(summary)}`;
}

/** Keys of a configuration in which runs of one row may differ. */
const OF_A_RUN = ["name", "seed"];

/**
 * The keys, as `--set` has them, that are not the same in all of some configurations. What one of them leaves out,
 * as those of earlier versions do, has its default.
 */
export function differingKeys(configs: readonly object[]): string[] {
  const flat = configs.map((config) =>
    new Map([...neutralLeaves(), ...leaves(completed(config)), ...leaves(config)])
  );
  const [first, ...others] = flat;
  return [...first ?? []]
    .filter(([key, value]) =>
      !OF_A_RUN.includes(key) && others.every((other) => other.has(key)) &&
      others.some((other) => other.get(key) !== value)
    )
    .map(([key]) => key);
}

/** A configuration with all keys; as it is where this version cannot use it. */
function completed(config: object): object {
  try {
    return resolveConfig(withoutRetired(config, { anyValue: true }));
  } catch (error) {
    if (error instanceof InputError) return config;
    throw error;
  }
}

/** The values of a configuration by their keys, as `--set` has them, each as JSON. */
export function leaves(value: object, prefix = ""): [key: string, text: string][] {
  return Object.entries(value).flatMap(([key, inner]): [string, string][] =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? leaves(inner, `${prefix}${key}.`)
      : [[`${prefix}${key}`, JSON.stringify(inner)]]
  );
}

/** Accuracy on each task (column) after each task (row), with the final average. */
export function accuracyTable(title: string, accuracy: AccuracySummary): string {
  const columns = Math.max(0, ...accuracy.matrix.map((row) => row.length));
  const header = [title, ...Array.from({ length: columns }, (_, task) => `task ${task + 1}`)];
  const rows = accuracy.matrix.map((row, task) => [
    `after task ${task + 1}`,
    ...Array.from({ length: columns }, (_, column) => decimal(row[column], 2)),
  ]);
  return textTable([header, ...rows], 1);
}

/** What is printed when a run ends: both matrices and the metrics. */
export function runReport(summary: Summary): string {
  const metrics = textTable([
    ["", "Class-IL", "Task-IL"],
    ...([
      ["final average %", "finalAverage"],
      ["forgetting", "forgetting"],
      ["backward transfer", "backwardTransfer"],
      ["forward transfer", "forwardTransfer"],
    ] as const).map(([label, key]) => [
      label,
      decimal(summary.classIl[key], 2),
      decimal(summary.taskIl[key], 2),
    ]),
  ], 1);
  return [
    accuracyTable("Class-IL %", summary.classIl),
    accuracyTable("Task-IL %", summary.taskIl),
    metrics,
  ].join("\n\n");
}

/** `wscl staged`, `er_ace`, `er_ace mixed`. */
export function methodLabel(
  { method, schedule, precision }: Pick<Summary, "method" | "schedule" | "precision">,
): string {
  const name = method === "wscl" && schedule !== null ? `${method} ${schedule}` : method;
  return precision === "mixed" ? `${name} mixed` : name;
}

/** `71.15 ± 2.15`: mean and sample standard deviation (n - 1); one value has no deviation. */
export function meanAndDeviation(values: readonly (number | null)[], digits = 2): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return "-";
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  if (known.length === 1) return mean.toFixed(digits);
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return `${mean.toFixed(digits)} ± ${Math.sqrt(squares / (known.length - 1)).toFixed(digits)}`;
}

/** Markdown that is also readable as text: the first `left` columns start left, the others end right. */
export function textTable(given: readonly (readonly string[])[], left: number): string {
  // A name with a line break in it would end its row.
  const rows = given.map((row) => row.map((cell) => cell.replace(/\s*[\r\n]\s*/g, " ")));
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const padded = rows.map((row) =>
    line(
      row.map((cell, column) =>
        column < left ? cell.padEnd(widths[column]) : cell.padStart(widths[column])
      ),
    )
  );
  const rule = line(
    widths.map((width, column) => column < left ? "-".repeat(width) : "-".repeat(width - 1) + ":"),
  );
  return [padded[0], rule, ...padded.slice(1)].join("\n");
}

function decimal(value: number | null | undefined, digits: number): string {
  return typeof value === "number" ? value.toFixed(digits) : "-";
}
