/** The batch losses of one candidate network, a plain cross-entropy over all heads each. */
export interface CandidateLosses {
  /** On validation images of the new task. */
  validation: readonly number[];
  /** On images set apart from earlier tasks (official: of the previous task only). */
  buffer: readonly number[];
}

/** Which losses judge a candidate, in the words of the official `--freezing_eval`. */
export type FreezingMode = "training_and_buff" | "training" | "buffer";

/**
 * The score of one candidate for dynamic freezing, lower is better. With v and b the unweighted means
 * of its batch losses (a small last batch counts fully) on validation and buffer images:
 *
 * | mode                | "paper"     | "official"                           |
 * | ------------------- | ----------- | ------------------------------------ |
 * | `training_and_buff` | (v + b) / 2 | round2((round2(v) + b) / 2)          |
 * | `training`          | v           | round2(v)                            |
 * | `buffer`            | b           | b                                    |
 *
 * The official rounding makes ties frequent, and ties favour less freezing (see `bestCandidate`).
 */
export function freezingScore(
  losses: CandidateLosses,
  mode: FreezingMode,
  compat: "paper" | "official",
): number {
  const rounded = compat === "official" ? roundToHundredths : (value: number) => value;
  if (mode === "buffer") return meanLoss(losses.buffer, "buffer");
  const validation = rounded(meanLoss(losses.validation, "validation"));
  if (mode === "training") return validation;
  return rounded((validation + meanLoss(losses.buffer, "buffer")) / 2);
}

/**
 * The index of the best score. Candidates come in the order of how much they freeze, and one that freezes more must be
 * better than the best before it by more than the share `margin` of that one's score: without a margin the smallest
 * score is best, the first one of equals.
 */
export function bestCandidate(scores: readonly number[], margin = 0): number {
  if (scores.length === 0 || scores.some(Number.isNaN)) {
    throw new RangeError(
      `Cannot choose a freezing candidate: scores are [${scores}], need at least one and no NaN`,
    );
  }
  return scores.reduce(
    (best, score, i) => score < scores[best] - margin * Math.abs(scores[best]) ? i : best,
    0,
  );
}

/**
 * Python's `round(value, 2)`: the hundredth nearest to the exact binary value of the double; if two
 * are equally near, the even one.
 *
 * `toFixed(2)` also goes by the exact value but takes the larger hundredth of two equally near ones.
 * An exact tie is an odd multiple of 1/200 that a double can hold, so an odd multiple of 1/8: .125,
 * .375, .625 or .875. Of these .375 and .875 go up to an even digit anyway; .125 and .625 must go down,
 * which is their three exact decimals without the last.
 */
export function roundToHundredths(value: number): number {
  const tieBelowIsEven = (8 * Math.abs(value)) % 4 === 1;
  return Number(tieBelowIsEven ? value.toFixed(3).slice(0, -1) : value.toFixed(2));
}

function meanLoss(batches: readonly number[], set: string): number {
  const mean = batches.reduce((sum, loss) => sum + loss, 0) / batches.length;
  if (!Number.isFinite(mean)) {
    throw new RangeError(
      `Cannot score a freezing candidate: mean of the ${set} batch losses [${batches}] is ${mean}, ` +
        `need at least one and all finite (lower the learning rate if the loss diverged)`,
    );
  }
  return mean;
}
