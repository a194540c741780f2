/**
 * Comparison of a result with what it should be. The measure is the relative error of whole tensors,
 *
 *     ||actual - expected|| / ||expected||   (Euclidean norms, computed in double),
 *
 * which neither forgives one wrong region nor fails on one value that happens to be near zero.
 */

/** Any vector of numbers: typed array or list. */
export type Numbers = ArrayLike<number>;

/**
 * `||actual - expected|| / ||expected||`. Elements where both are the same infinity are left out of
 * both norms; any other infinity, and NaN on either side, makes the error infinite. An expectation of
 * zeros is met by zeros only: error 0, otherwise infinite.
 */
export function relativeError(actual: Numbers, expected: Numbers): number {
  if (actual.length !== expected.length) {
    throw new TypeError(
      `Cannot compare: ${actual.length} values with ${expected.length} expected ones`,
    );
  }
  // Scaled by the largest magnitude, so that squares neither overflow nor vanish.
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Math.abs(expected[i]) === Infinity && actual[i] === expected[i]) continue;
    const distance = Math.abs(actual[i] - expected[i]);
    if (!Number.isFinite(distance)) return Infinity;
    scale = Math.max(scale, Math.abs(expected[i]), distance);
  }
  if (scale === 0) return 0;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    if (!Number.isFinite(expected[i])) continue;
    difference += ((actual[i] - expected[i]) / scale) ** 2;
    size += (expected[i] / scale) ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / size);
}

/**
 * `actual`, each value brought nearer to `expected` by at most half a step of f16 (10 bits behind the leading one, of
 * numbers below 2^-14 steps of 2^-24): what is left is not the rounding of a result that was stored in f16.
 */
export function withoutF16Rounding(actual: Numbers, expected: Numbers): Float64Array {
  return Float64Array.from(actual, (value, i) => {
    if (!Number.isFinite(expected[i])) return value;
    const distance = expected[i] - value;
    const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(expected[i]))));
    const most = 2 ** (exponent - 11);
    return Math.abs(distance) <= most ? expected[i] : value + Math.sign(distance) * most;
  });
}

/** Index of the largest `|actual - expected|`; NaN on either side is the worst. */
export function worstIndex(actual: Numbers, expected: Numbers): number {
  let worst = 0;
  let largest = -1;
  for (let i = 0; i < expected.length; i++) {
    const distance = actual[i] === expected[i] ? 0 : Math.abs(actual[i] - expected[i]);
    if (Number.isNaN(distance)) return i;
    if (distance > largest) [worst, largest] = [i, distance];
  }
  return worst;
}
