/** How likely an image is of a class. */
export interface Answer {
  /** Of the class. */
  readonly name: string;
  /** Of the softmax over the heads of all classes: they sum to 1. */
  readonly probability: number;
}

/** What the network sees in an image. */
export interface Sight {
  /** The likeliest class first. */
  readonly answers: readonly Answer[];
  /**
   * Probability of the likeliest class in the softmax over all heads, the free ones included, which dreams may have
   * taught what is none of the classes; 0 without a class.
   */
  readonly familiarity: number;
}

/** A class and its output column. */
interface ClassHead {
  readonly name: string;
  readonly head: number;
}

/** Share of the exam that may be taken for none of the classes: where the threshold is set. */
const MISTAKEN = 0.05;

/**
 * What the network sees in each image.
 *
 * @param logits `[images, heads]`
 */
export function sightsOf(
  logits: Float32Array,
  heads: number,
  classes: readonly ClassHead[],
): Sight[] {
  return Array.from({ length: logits.length / heads }, (_, image) => {
    const row = logits.subarray(image * heads, (image + 1) * heads);
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const weights = Float64Array.from(row, (logit) => Math.exp(logit - largest));
    const all = weights.reduce((a, b) => a + b, 0);
    const ofClasses = classes.reduce((sum, { head }) => sum + weights[head], 0);
    // Where free heads outweigh all classes by hundreds of nats, nothing is left to divide by.
    const share = (head: number) => ofClasses > 0 ? weights[head] / ofClasses : 1 / classes.length;
    const answers = classes
      .map(({ name, head }) => ({ name, probability: share(head), logit: row[head] }))
      .sort((a, b) => b.logit - a.logit);
    return {
      answers: answers.map(({ name, probability }) => ({ name, probability })),
      familiarity: Math.max(0, ...classes.map(({ head }) => weights[head] / all)),
    };
  });
}

/**
 * The familiarity below which an image is none of the classes: the one that 19 of 20 images of the exam reach. Null
 * without an exam.
 */
export function thresholdOf(sights: readonly Sight[]): number | null {
  const familiar = sights.map(({ familiarity }) => familiarity).sort((a, b) => a - b);
  return familiar.length === 0 ? null : familiar[Math.floor(MISTAKEN * familiar.length)];
}
