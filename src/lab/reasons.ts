import { codeOf } from "../gpu/wgsl_tokens.ts";

/** Why a kernel is refused, in a few words; the same words in every table and test. */
export type Reason =
  | "no barrier"
  | "writes beyond its range"
  | "other bits in another run"
  | "elements are left out"
  | "writes what is not its own"
  | "depends on what its output held before"
  | "reads beyond its operands"
  | "goes by the length of its buffers"
  | "keeps the result of another input"
  | "wrong at the border of the image"
  | "loses its digits where numbers are not around 0"
  | "as inexact as half precision"
  | "wrong";

/** Why a kernel is refused, before it is said at which shape. */
export interface Refusal {
  readonly reason: Reason;
  readonly details: readonly string[];
}

/**
 * What is wrong with the barriers of a text, as far as can be said without running it; null: nothing. Threads of one
 * subgroup go in step, so that a kernel without a barrier may well be right on the adapter where it is tried.
 */
export function barrierProblem(code: string): string | null {
  const text = codeOf(code);
  if (!/\bvar\s*<\s*workgroup\s*>/.test(text) || /\bworkgroup(Barrier|UniformLoad)\b/.test(text)) {
    return null;
  }
  return "it has workgroup memory and no workgroupBarrier(): what one thread writes there another one may read too " +
    "early, if not on this adapter, then on one with narrower subgroups";
}
