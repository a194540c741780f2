import type { Gpu } from "../gpu/device.ts";
import type { Dispatch } from "../gpu/dispatch.ts";
import { Program } from "../gpu/program.ts";
import { download } from "../gpu/tensor.ts";
import { relativeError, withoutF16Rounding } from "../reference/compare.ts";
import type { CaseOutput, Tolerance } from "./kernel_case.ts";

/** How far the results of a case are off. */
export interface CaseCheck {
  /** Worst relative error over the outputs, the rounding of those stored in f16 left out. */
  readonly error: number;
  readonly samples: number;
  readonly ok: boolean;
  /** What was found at the places of each output. */
  readonly found: readonly Float64Array[];
  /** All that each output holds. */
  readonly whole: readonly (Float32Array | Uint32Array)[];
}

/** Runs launches of a case once and compares what they leave. */
export async function checkCase(
  gpu: Gpu,
  dispatches: readonly Dispatch[],
  outputs: readonly CaseOutput[],
  { error: limit }: Tolerance,
): Promise<CaseCheck> {
  const program = await Program.build(gpu, "check", dispatches);
  let whole: (Float32Array | Uint32Array)[];
  try {
    program.run();
    whole = await download(gpu, outputs.map(({ tensor }) => tensor));
  } finally {
    program.destroy();
  }
  const found = outputs.map((output, i) => valuesAt(output, whole[i]));
  const errors = outputs.map((output, i) => errorOf(output, found[i]));
  const error = Math.max(...errors);
  const samples = outputs.reduce((sum, { at }) => sum + at.length, 0);
  return { error, samples, ok: error <= limit, found, whole };
}

/** What was found at the places of an output, in all that its tensor holds. */
export function valuesAt(
  { at, read = (values, place) => values[place] }: CaseOutput,
  whole: ArrayLike<number>,
): Float64Array {
  return Float64Array.from(at, (place) => read(whole, place));
}

/** Relative error of what was found at the places of an output: rounding to f16 is none, and NaN is infinite. */
export function errorOf(output: CaseOutput, found: Float64Array): number {
  const { tensor, expected } = output;
  const seen = tensor.type === "f16" ? withoutF16Rounding(found, expected) : found;
  const size = rootMeanSquare(expected);
  const measure = measureOf(output);
  if (measure === size) return relativeError(seen, expected);
  const error = rootMeanSquare(seen.map((value, i) => value - expected[i])) / measure;
  return Number.isNaN(error) ? Infinity : error;
}

/** What the error of an output is measured by: the root mean square of its elements, or of terms that cancel. */
export function measureOf({ expected, terms }: Pick<CaseOutput, "expected" | "terms">): number {
  const size = rootMeanSquare(expected);
  return terms ? Math.max(size, rootMeanSquare(terms) / CANCELLING) : size;
}

/** Terms that are so many times as large as their sum cost it four bits, which the tolerances allow. */
const CANCELLING = 16;

function rootMeanSquare(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum / Math.max(1, values.length));
}
