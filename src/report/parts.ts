import { type Comparison, measured } from "../experiment/comparison/results.ts";
import { methodLabel, rowKey } from "../experiment/report.ts";
import { againOf, againOfComparison } from "./again.ts";
import type { RowRecord, RowRun, RunRecord, RunsPart } from "./records.ts";

/** Commands that are listed. */
const MOST_COMMANDS = 8;

const rowRun = (record: RunRecord): RowRun => ({
  seed: record.summary.seed,
  measures: measured(record.summary),
  record,
});

/** Runs by data set, in each a row for each method; those that did not complete are named. */
export function partsOfRuns(records: readonly RunRecord[]): RunsPart[] {
  const complete = records.filter(({ summary }) => summary.completed);
  // What did not complete is told by itself where there is nothing else.
  const shown = complete.length > 0 ? complete : records;
  const left = records.filter((record) => !shown.includes(record));
  const parts = [...Map.groupBy(shown, ({ summary }) => summary.dataset)].map(
    ([dataset, own]): RunsPart => ({
      kind: "runs",
      title: own.length === 1 ? own[0].path : dataset === "" ? "Runs" : `Runs on ${dataset}`,
      rows: [...Map.groupBy(own, ({ summary }) => rowKey(summary)).values()].map((runs) => ({
        label: methodLabel(runs[0].summary),
        about: "",
        runs: runs.map(rowRun),
      })),
      notes: own.filter(({ summary }) => !summary.completed)
        .map(({ path }) => `${path} did not complete: what it has is shown.`),
      again: [
        ...own.slice(0, MOST_COMMANDS).map(againOf),
        ...own.length > MOST_COMMANDS
          ? [`# and ${own.length - MOST_COMMANDS} more in the same way`]
          : [],
      ],
      commit: null,
    }),
  );
  if (left.length === 0) return parts;
  const [first, ...others] = parts;
  const note = `Left out, since they did not complete: ${left.map(({ path }) => path).join(", ")}.`;
  return [{ ...first, notes: [...first.notes, note] }, ...others];
}

/** A comparison: its rows, with the folders of their runs where these are there. */
export function partOfComparison(
  file: string,
  comparison: Comparison,
  recordOf: (folder: string) => RunRecord | null,
): RunsPart {
  const path = file.replace(/\/?comparison\.json$/, "") || ".";
  const rows = comparison.rows.filter(({ runs }) => runs.length > 0);
  const found = rows.map(({ row, about, runs }): RowRecord => ({
    label: row,
    about,
    runs: runs.map(({ seed, ...measures }) => ({
      seed,
      measures,
      record: recordOf(`${row}-${seed}`),
    })),
  }));
  const all = found.flatMap(({ runs }) => runs);
  const missing = all.filter(({ record }) => record === null).length;
  return {
    kind: "runs",
    title: `${comparison.config}: ${path}`,
    rows: found,
    notes: missing > 0
      ? [
        `Of ${missing} of ${all.length} runs there is no folder: the comparison alone has their numbers.`,
      ]
      : [],
    again: [
      againOfComparison(path, { ...comparison, rows }, found[0]?.runs[0]?.record ?? null),
    ],
    commit: comparison.commit,
  };
}
