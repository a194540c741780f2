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
