/**
 * The head with the largest logit in each row of `[rows, heads]`; the first one on ties, -1 where one of them is NaN or
 * there is none. Heads where `allowed` is falsy do not take part.
 */
export function argmax(
  logits: ArrayLike<number>,
  heads: number,
  allowed?: ArrayLike<number | boolean>,
): number[] {
  return Array.from({ length: logits.length / heads }, (_, row) => {
    let best = -1;
    for (let h = 0; h < heads; h++) {
      if (allowed !== undefined && !allowed[h]) continue;
      if (Number.isNaN(logits[row * heads + h])) return -1;
      if (best < 0 || logits[row * heads + h] > logits[row * heads + best]) best = h;
    }
    return best;
  });
}
