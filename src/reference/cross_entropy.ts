/**
 * Cross-entropy with closed heads, in double precision. Layout: logits `[rows, heads]`, one label per
 * row. The logits of closed heads are first replaced by `closedValue` (the official program's is the
 * lowest finite float32), which makes their probability 0:
 *
 *     rowLoss[r] = log(sum over h of exp(z[r,h])) - z[r, label[r]]
 *     loss = sum over r of weight[r] * rowLoss[r]         (weight 1 / rows: the mean)
 *
 * A row labelled with a closed head has a row loss of about 3.4e38: the program never does that.
 */

/** What every closed head's logit becomes. */
export const LOWEST_FLOAT32 = -3.4028234663852886e38;

/** Which heads take part and how much each row counts. */
interface CrossEntropyOptions {
  /** `[heads]`, truthy where the head is open; default all. */
  open?: ArrayLike<number | boolean>;
  /** `[rows]`; default `1 / rows` each, the mean. */
  rowWeights?: ArrayLike<number>;
  /** Default {@linkcode LOWEST_FLOAT32}. */
  closedValue?: number;
}

/** The loss and its gradient with respect to the logits as given: zero at closed heads. */
export function crossEntropy(
  logits: Float64Array,
  labels: ArrayLike<number>,
  heads: number,
  { open, rowWeights, closedValue = LOWEST_FLOAT32 }: CrossEntropyOptions = {},
): { loss: number; rowLosses: Float64Array; gradLogits: Float64Array } {
  const rows = labels.length;
  const isOpen = (head: number) => open === undefined || Boolean(open[head]);
  let loss = 0;
  const rowLosses = new Float64Array(rows);
  const gradLogits = new Float64Array(rows * heads);
  for (let r = 0; r < rows; r++) {
    const z = logits.slice(r * heads, (r + 1) * heads)
      .map((value, head) => isOpen(head) ? value : closedValue);
    const largest = z.reduce((a, b) => Math.max(a, b), -Infinity);
    let sum = 0;
    for (let h = 0; h < heads; h++) sum += Math.exp(z[h] - largest);
    const weight = rowWeights === undefined ? 1 / rows : rowWeights[r];
    rowLosses[r] = Math.log(sum) + largest - z[labels[r]];
    loss += weight * rowLosses[r];
    for (let h = 0; h < heads; h++) {
      if (!isOpen(h)) continue;
      const probability = Math.exp(z[h] - largest) / sum;
      gradLogits[r * heads + h] = weight * (probability - (h === labels[r] ? 1 : 0));
    }
  }
  return { loss, rowLosses, gradLogits };
}
