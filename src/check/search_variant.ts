import { type Gpu, guarded } from "../gpu/device.ts";
import type { Dispatch } from "../gpu/dispatch.ts";
import { timeInTurn } from "../gpu/timing.ts";
import { type Conv2dVariant, variantName } from "../ops/conv2d_variants.ts";
import { type CaseCheck, checkCase } from "./check_case.ts";
import type { Conv2dTask } from "./kernel_case.ts";
import { Operands } from "./operands.ts";
import { conv2dOps } from "./ops/convolution.ts";

/** A candidate as it was found. */
export interface Trial {
  readonly variant: Conv2dVariant;
  /** Median over the rounds; null for a candidate that was refused. */
  readonly milliseconds: number | null;
  /** Why it was refused. */
  readonly refused: string | null;
}

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
  { pass, layer, rows, stored }: Conv2dTask,
  candidates: readonly Conv2dVariant[],
  rounds = 7,
  substitute: (
    dispatches: readonly Dispatch[],
    variant: Conv2dVariant,
  ) => readonly Dispatch[] = (same) => same,
): Promise<{ readonly best: Conv2dVariant; readonly trials: readonly Trial[] }> {
  const operands = new Operands(gpu);
  try {
    const kernelCase = conv2dOps(pass).at({ ...layer, rows }, stored);
    const prepared = await guarded(
      gpu,
      "make room for tuning",
      () => kernelCase.prepare(operands),
    );
    const recorded = candidates.map((variant) => substitute(prepared.dispatches(variant), variant));
    const refusals: (string | null)[] = [];
    let bits: ArrayLike<number> | null = null;
    for (const [i, dispatches] of recorded.entries()) {
      // Whatever the candidate before it has left must not pass for its own result.
      operands.reset();
      const check = () => checkCase(gpu, dispatches, prepared.outputs, kernelCase.tolerance);
      const { refused, found } = await judge(gpu, check, bits);
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
async function judge(
  gpu: Gpu,
  check: () => Promise<CaseCheck>,
  bits: ArrayLike<number> | null,
): Promise<{ readonly refused: string | null; readonly found: ArrayLike<number> }> {
  let checked: CaseCheck;
  try {
    checked = await check();
  } catch (error) {
    // A candidate that the adapter does not take is a finding about it; a lost device is none.
    gpu.check();
    return { refused: `it cannot run: ${(error as Error).message.split("\n")[0]}`, found: [] };
  }
  const { ok, error, whole: [found] } = checked;
  if (!ok) return { refused: `relative error ${error.toExponential(1)}`, found };
  const differ = bits ? Array.prototype.findIndex.call(found, (v, i) => v !== bits[i]) : -1;
  if (differ < 0) return { refused: null, found };
  return { refused: `other bits than the default's at element ${differ}`, found };
}
