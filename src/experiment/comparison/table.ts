import { textTable } from "../report.ts";
import type { Comparison, RowResult } from "./results.ts";
import type { MeanAndDeviation, PairedDifference } from "./statistics.ts";

/** The table of a comparison and what its rows are, as Markdown that is also readable as text. */
export function comparisonTable({ rows }: Comparison): string {
  const shown = rows.filter(({ runs }) => runs.length > 0);
  const header = [
    ...["row", "seeds", "Class-IL %", "Task-IL %", "forgetting", "forward transfer", "images"],
    ...["seconds", `${title(rows[0].row)} ahead by`, "wins"],
  ];
  const lines = shown.map((result) => [...measuredCells(result), ...pairedCells(result)]);
  const legend = shown.map(({ row, about }) => `${row}: ${about}`);
  return `${textTable([header, ...lines], 1)}\n\n${legend.join("\n")}\n\n${
    note(title(rows[0].row))
  }`;
}

const title = (row: string) => row === "wscl" ? "WSCL" : row;

const note = (first: string) =>
  `Mean ± deviation over seeds. Forward transfer is that of Task-IL. ${first} ahead by: mean of the paired differences in ` +
  `Class-IL\nwith its 95 % interval; wins: seeds in which ${first} is ahead. Images: through training steps.`;

function measuredCells({ row, runs, means }: RowResult): string[] {
  return [
    row,
    String(runs.length),
    meanText(means.classIl),
    meanText(means.taskIl),
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
  const mean = value.mean.toFixed(1);
  return value.deviation === null ? mean : `${mean} ± ${value.deviation.toFixed(1)}`;
}

/** `+5.1 (+2.0 to +8.2)` */
function differenceText({ mean, interval }: PairedDifference): string {
  const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
  return interval ? `${signed(mean)} (${interval.map(signed).join(" to ")})` : signed(mean);
}
