import type { Gpu } from "../src/gpu/device.ts";
import { type Dispatch, Program } from "../src/gpu/program.ts";

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
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))];
  return {
    median: at(0.5),
    low: at(0.25),
    high: at(0.75),
    least: sorted[0],
    count: sorted.length,
  };
}

/**
 * Milliseconds of several things done on the GPU in turn, each a list of dispatches: one list of times per thing, one
 * time per round. A first round warms up and is dropped. Taking turns lets load from elsewhere fall on all alike.
 */
export async function timeInTurn(
  gpu: Gpu,
  things: readonly (readonly Dispatch[])[],
  rounds: number,
): Promise<number[][]> {
  const timed = gpu.features.has("timestamp-query");
  const programs: Program[] = [];
  try {
    for (const [i, dispatches] of things.entries()) {
      programs.push(await Program.build(gpu, `bench ${i}`, dispatches));
    }
    const times: number[][] = things.map(() => []);
    for (let round = -1; round < rounds; round++) {
      for (const [i, program] of programs.entries()) {
        const milliseconds = timed ? await byTimestamps(program) : await byClock(gpu, program);
        if (round >= 0) times[i].push(milliseconds);
      }
    }
    return times;
  } finally {
    for (const program of programs) program.destroy();
  }
}

async function byTimestamps(program: Program): Promise<number> {
  const launches = await program.profile();
  return launches.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
}

/** Without timestamps: the slope of the wall clock between few and many repetitions, since waiting costs 10 ms. */
async function byClock(gpu: Gpu, program: Program): Promise<number> {
  const wall = async (repeat: number) => {
    await gpu.settle();
    const start = performance.now();
    for (let i = 0; i < repeat; i++) program.run();
    await gpu.settle();
    return performance.now() - start;
  };
  const [few, many] = [await wall(2), await wall(12)];
  return Math.max(0, many - few) / 10;
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
