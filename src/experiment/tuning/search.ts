import { relativeError, withoutF16Rounding } from "../../reference/compare.ts";
import { type Gpu, guarded } from "../../gpu/device.ts";
import { type Dispatch, Program } from "../../gpu/program.ts";
import { download, upload } from "../../gpu/tensor.ts";
import { timeInTurn } from "../../gpu/timing.ts";
import {
  type Conv2dPass,
  type Conv2dShape,
  type Conv2dVariant,
  variantName,
} from "../../ops/conv2d_variants.ts";
import type { StoredType } from "../../ops/storage.ts";
import { Operands } from "./operands.ts";
import { type Conv2dProblem, conv2dProblem } from "./problem.ts";

/** What is tuned: one pass of one layer, over batches of so many images. */
export interface TuningTask {
  readonly pass: Conv2dPass;
  readonly layer: Conv2dShape;
  readonly rows: number;
  readonly stored: StoredType;
}

/** A candidate as it was found. */
export interface Trial {
  readonly variant: Conv2dVariant;
  /** Median over the rounds; null for a candidate that was refused. */
  readonly milliseconds: number | null;
  /** Why it was refused. */
  readonly refused: string | null;
}

/** Rounding of f32 stays below this at the longest sums here (some hundred thousand terms). */
export const LONG_SUM_ROUNDING = 3e-5;

/** A candidate must take less than this share of the default's time: less is noise, and not worth a change. */
const WORTH_A_CHANGE = 0.97;

/**
 * Tries candidates on this adapter, the default (the first) against the others: each is compared with the definition in
 * double precision and must give the bits of the default before it is timed, all in turn.
 *
 * @param substitute replaces dispatches before they are compiled, so that a test can break one.
 * @throws {Error} if the default itself is wrong; `DeviceError` or `RangeError` if there is no room.
 */
export async function searchVariant(
  gpu: Gpu,
  { pass, layer, rows, stored }: TuningTask,
  candidates: readonly Conv2dVariant[],
  rounds = 7,
  substitute: (dispatches: Dispatch[], variant: Conv2dVariant) => Dispatch[] = (same) => same,
): Promise<{ readonly best: Conv2dVariant; readonly trials: readonly Trial[] }> {
  const operands = new Operands(gpu);
  try {
    const problem = await guarded(
      gpu,
      "make room for tuning",
      () => conv2dProblem(operands, pass, layer, rows, stored),
    );
    const recorded = candidates.map((variant) => substitute(problem.dispatches(variant), variant));
    const refusals: (string | null)[] = [];
    let bits: ArrayLike<number> | null = null;
    for (const [i, dispatches] of recorded.entries()) {
      const { refused, found } = await check(gpu, problem, dispatches, bits);
      if (refused && i === 0) {
        throw new Error(
          `Cannot trust this adapter: the ${pass} kernel ${
            variantName(candidates[0])
          } computes wrong results ` +
            `(${refused}); ./wscl doctor says more`,
        );
      }
      bits ??= found;
      refusals.push(refused);
    }
    const right = candidates.flatMap((_, i) => refusals[i] === null ? i : []);
    const times = await timeInTurn(gpu, right.map((i) => recorded[i]), rounds);
    const medians = times.map((list) => list.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]);
    const trials = candidates.map((variant, i): Trial => {
      const place = right.indexOf(i);
      return { variant, milliseconds: place < 0 ? null : medians[place], refused: refusals[i] };
    });
    const fastest = medians.indexOf(Math.min(...medians));
    const worth = medians[fastest] < WORTH_A_CHANGE * medians[0];
    return { best: candidates[worth ? right[fastest] : 0], trials };
  } finally {
    operands.destroy();
  }
}

/** Runs a candidate once; says why it cannot be used, if so, and what it found. */
async function check(
  gpu: Gpu,
  { output, at, expected }: Conv2dProblem,
  dispatches: Dispatch[],
  bits: ArrayLike<number> | null,
): Promise<{ readonly refused: string | null; readonly found: ArrayLike<number> }> {
  // Whatever the candidate before it has left must not pass for its own result.
  upload(gpu, output, new Float32Array(output.length).fill(NaN));
  let program: Program;
  try {
    program = await Program.build(gpu, "tuning", dispatches);
  } catch (error) {
    // A candidate that the adapter does not take is a finding about it.
    return { refused: `it cannot run: ${(error as Error).message.split("\n")[0]}`, found: [] };
  }
  program.run();
  program.destroy();
  const [found] = await download(gpu, [output]);
  const samples = at.map((place) => found[place]);
  const comparable = output.type === "f16" ? withoutF16Rounding(samples, expected) : samples;
  const error = relativeError(comparable, expected);
  if (!(error <= LONG_SUM_ROUNDING)) {
    return { refused: `relative error ${error.toExponential(1)}`, found };
  }
  const differ = bits ? Array.prototype.findIndex.call(found, (v, i) => v !== bits[i]) : -1;
  if (differ < 0) return { refused: null, found };
  return { refused: `other bits than the default's at element ${differ}`, found };
}
