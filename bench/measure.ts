/** Median, quartiles and smallest of some measurements. */
export interface Summary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly least: number;
  readonly count: number;
}
/** Quartiles are those of the sorted list by nearest rank. */
export function summarise(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError("Cannot summarise: no measurements");
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => quantile(sorted, share);
  return {
    median: at(0.5),
    low: at(0.25),
    high: at(0.75),
    least: sorted[0],
    count: sorted.length,
  };
}

/** The value below which this share of an ascending list lies, by nearest rank; NaN of an empty one. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.round(share * (sorted.length - 1))] ?? NaN;
}

/** 3 significant digits at most, without an exponent: "12.3", "0.0456", "1230". */
export function figures(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 6));
}
/** Lines with aligned columns; the first row is the heading, the first column is text. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => (row[c] ?? "").length)));
  return rows.map((row) =>
    row.map((cell, c) => c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c])).join("  ")
      .trimEnd()
  ).join("\n");
}
