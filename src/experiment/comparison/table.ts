import { textTable } from "../report.ts";
import type { Comparison, RowResult } from "./results.ts";
import type { MeanAndDeviation, PairedDifference } from "./statistics.ts";

/**
 * The tables of a comparison and what its rows are, as Markdown that is also readable as text: two tables, since one
 * would be wider than a terminal. What decides is in the first.
 */
export function comparisonTable(comparison: Comparison): string {
  const rest = textTable([
    ["row", "forgetting", "forward transfer", "images", "seconds"],
    ...shown(comparison).map(restCells),
  ], 1);
  return [
    decidingTable(comparison),
    rest,
    rowLegend(comparison),
    `${
      decidingNote(comparison)
    } Forward\ntransfer is that of Task-IL. Images: through training steps.`,
  ].join("\n\n");
}

/** Accuracies, and how far the first row is ahead. */
export function decidingTable(comparison: Comparison): string {
  return textTable([
    [
      ...["row", "seeds", "Class-IL %", "Task-IL %"],
      ...[`${title(comparison.rows[0].row)} ahead by`, "wins"],
    ],
    ...shown(comparison).map((result) => [...accuracyCells(result), ...pairedCells(result)]),
  ], 1);
}

/** A line for each row: what it is. */
export function rowLegend(comparison: Comparison): string {
  return shown(comparison).map(({ row, about }) => `${row}: ${about}`).join("\n");
}

const shown = ({ rows }: Comparison) => rows.filter(({ runs }) => runs.length > 0);

const title = (row: string) => row === "wscl" ? "WSCL" : row;

/** What the columns of {@linkcode decidingTable} are. */
export function decidingNote({ rows: [{ row }] }: Comparison): string {
  const first = title(row);
  return `Mean ± deviation over seeds. ${first} ahead by: mean of the paired differences in Class-IL over the\n` +
    `seeds that both have, with its 95 % interval; wins: seeds in which ${first} is ahead.`;
}

function accuracyCells({ row, runs, means }: RowResult): string[] {
  return [row, String(runs.length), meanText(means.classIl), meanText(means.taskIl)];
}

function restCells({ row, means }: RowResult): string[] {
  return [
    row,
    meanText(means.forgetting),
    meanText(means.forwardTransferTaskIl),
    means.images ? Math.round(means.images.mean).toLocaleString("en-US") : "-",
    means.seconds ? means.seconds.mean.toFixed(0) : "-",
  ];
}

function pairedCells({ firstMinusThis }: RowResult): string[] {
  const difference = firstMinusThis?.classIl;
  return difference
    ? [differenceText(difference), `${difference.wins} of ${difference.pairs}`]
    : ["", ""];
}

function meanText(value: MeanAndDeviation | null): string {
  if (!value) return "-";
  const mean = value.mean.toFixed(1).replace("-", "−");
  return value.deviation === null ? mean : `${mean} ± ${value.deviation.toFixed(1)}`;
}

/** `+5.1 (+2.0 to +8.2)` */
function differenceText({ mean, interval }: PairedDifference): string {
  const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
  return interval ? `${signed(mean)} (${interval.map(signed).join(" to ")})` : signed(mean);
}
