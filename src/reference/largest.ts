/** The largest magnitude of those of `values` whose group of 4 is not masked; NaN if one of them is. */
export function largestMagnitude(values: ArrayLike<number>, mask: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    if (!mask[i >> 2]) continue;
    if (Number.isNaN(values[i])) return NaN;
    largest = Math.max(largest, Math.abs(values[i]));
  }
  return largest;
}
