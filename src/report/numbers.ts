import { type MeanAndDeviation, meanAndDeviation } from "../experiment/comparison/statistics.ts";

/** `61.04`; `–` where nothing was measured. */
export function decimal(value: number | null | undefined, digits = 2): string {
  return typeof value === "number" && Number.isFinite(value) ? fixed(value, digits) : "–";
}

/** With the sign of a number, not a hyphen. */
function fixed(value: number, digits: number): string {
  return value.toFixed(digits).replace("-", "−");
}

/** `+1.20`, `−0.50` */
export function signed(value: number | null | undefined, digits = 2): string {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
}

/** `61.04 ± 1.41` */
export function spread(found: MeanAndDeviation | null, digits = 2): string {
  if (!found) return "–";
  const { mean, deviation } = found;
  return deviation === null
    ? fixed(mean, digits)
    : `${fixed(mean, digits)} ± ${deviation.toFixed(digits)}`;
}

/** Of those that were measured. */
export function spreadOf(values: readonly (number | null | undefined)[]): MeanAndDeviation | null {
  return meanAndDeviation(values.filter((value) => typeof value === "number"));
}

/** `12,345` */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `0.42 s`, `12.3 s`, `4 min 5 s`, `2 h 3 min` */
export function time(seconds: number): string {
  if (seconds < 1) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const rounded = Math.round(seconds);
  if (rounded < 3600) return `${Math.floor(rounded / 60)} min ${rounded % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `0`, `1`, ... below `count`. */
export function upTo(count: number): number[] {
  return [...Array(count).keys()];
}

/** Sum of some numbers. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
