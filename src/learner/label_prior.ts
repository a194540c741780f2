import type { Segment } from "./batch.ts";

/**
 * How often each head was the label under plain cross-entropy: what a classifier that learned it answers with where an
 * image says nothing. Rows whose softmax leaves heads out (the ACE loss) do not count, since they say nothing about
 * labels and the heads left out.
 */
export class LabelPrior {
  /** Rows by label, each counted with its segment's weight. */
  readonly rows: Float64Array<ArrayBuffer>;

  constructor(heads: number) {
    this.rows = new Float64Array(heads);
  }

  /** Counts the rows of a training step. */
  count(segments: readonly Segment[]): void {
    for (const { samples, open, weight = 1 } of segments) {
      if (open.size < this.rows.length) continue;
      for (const { label } of samples) this.rows[label] += weight;
    }
  }

  /** Forgets what was counted. */
  clear(): void {
    this.rows.fill(0);
  }
}

/**
 * What is added to logits so that an answer no longer depends on how often its head was trained: -tau log prior, the
 * post-hoc form of logit adjustment (Menon et al., ICLR 2021, equation 9). One row is added to each head, so that one
 * that never was a label has a prior, too. `rows` and the result are by head; tau 0 changes nothing, 1 is what the
 * theory has.
 */
export function logitShift(rows: ArrayLike<number>, tau: number): Float32Array<ArrayBuffer> {
  const counts = Array.from(rows, (count) => count + 1);
  const sum = counts.reduce((a, b) => a + b, 0);
  return Float32Array.from(counts, (count) => -tau * Math.log(count / sum));
}
