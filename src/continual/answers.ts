/** How likely an image is of a class. */
export interface Answer {
  /** Of the class. */
  readonly name: string;
  /** Of the softmax over all heads, so that what the free ones get is left for none of the classes. */
  readonly probability: number;
}

/** A class and its output column. */
interface ClassHead {
  readonly name: string;
  readonly head: number;
}

/** Share of the exam that may be taken for none of the classes: where the threshold is set. */
const MISTAKEN = 0.05;

/**
 * What the network answers, the likeliest class first, for each image.
 *
 * @param logits `[images, heads]`
 */
export function answersOf(
  logits: Float32Array,
  heads: number,
  classes: readonly ClassHead[],
): Answer[][] {
  return Array.from({ length: logits.length / heads }, (_, image) => {
    const row = logits.subarray(image * heads, (image + 1) * heads);
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const exponentials = Float64Array.from(row, (logit) => Math.exp(logit - largest));
    const sum = exponentials.reduce((a, b) => a + b, 0);
    return classes.map(({ name, head }) => ({ name, probability: exponentials[head] / sum }))
      .sort((a, b) => b.probability - a.probability);
  });
}

/**
 * The probability of the best class below which an image is none of them: the one that 19 of 20 images of the exam
 * reach. Null without an exam.
 */
export function thresholdOf(answers: readonly (readonly Answer[])[]): number | null {
  const best = answers.flatMap(([first]) => first ? [first.probability] : []).sort((a, b) => a - b);
  return best.length === 0 ? null : best[Math.floor(MISTAKEN * best.length)];
}
