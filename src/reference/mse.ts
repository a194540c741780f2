/**
 * Mean squared error over all elements, in double precision: `loss = sum (x - target)^2 / count`,
 * `gradInput = 2 * (x - target) / count`. Any layout.
 */
export function meanSquaredError(
  x: Float64Array,
  target: ArrayLike<number>,
): { loss: number; gradInput: Float64Array } {
  const gradInput = x.map((value, i) => 2 * (value - target[i]) / x.length);
  const loss = x.reduce((sum, value, i) => sum + (value - target[i]) ** 2 / x.length, 0);
  return { loss, gradInput };
}
