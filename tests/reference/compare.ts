/**
 * Comparison of a result with what it should be. The measure is the relative error of whole tensors,
 *
 *     ||actual - expected|| / ||expected||   (Euclidean norms, computed in double),
 *
 * which neither forgives one wrong region nor fails on one value that happens to be near zero. The
 * worst error under each name is printed when the test file ends.
 */

import assert from "node:assert/strict";

/** Any vector of numbers: typed array or list. */
export type Numbers = ArrayLike<number>;

/** A limit above this would accept a wrong result; no comparison may ask for it. */
export const LARGEST_TOLERANCE = 1e-2;

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

const worst = new Map<string, { error: number; tolerance: number }>();

/**
 * Fails unless `relativeError(actual, expected) <= tolerance`, naming the worst element. Comparisons
 * of one kind should share their `name` ("conv2d forward"): the worst error is printed by name.
 */
export function assertClose(
  name: string,
  actual: Numbers,
  expected: Numbers,
  tolerance: number,
): void {
  if (!(tolerance > 0 && tolerance <= LARGEST_TOLERANCE)) {
    throw new RangeError(
      `Cannot compare ${name}: tolerance ${tolerance} is not within (0, ${LARGEST_TOLERANCE}]`,
    );
  }
  const error = relativeError(actual, expected);
  record(name, error, tolerance);
  if (error <= tolerance) return;
  const at = worstIndex(actual, expected);
  assert.fail(
    `${name}: relative error ${
      error.toExponential(2)
    } exceeds ${tolerance}; worst at index ${at} ` +
      `of ${expected.length}: ${actual[at]} instead of ${expected[at]}`,
  );
}

/** The largest error seen under each name so far. */
export function worstErrors(): ReadonlyMap<string, { error: number; tolerance: number }> {
  return worst;
}

function record(name: string, error: number, tolerance: number): void {
  if (worst.size === 0) globalThis.addEventListener("unload", printWorst, { once: true });
  const before = worst.get(name);
  if (before === undefined || !(before.error >= error)) worst.set(name, { error, tolerance });
}

function printWorst(): void {
  for (const [name, { error, tolerance }] of worst) {
    const shown = error === 0 ? "0" : error.toExponential(1);
    console.log(`worst relative error of ${name}: ${shown} (limit ${tolerance.toExponential()})`);
  }
}

/** How {@linkcode assertGradient} probes: step of the difference, and the elements (default all). */
export interface ProbeOptions {
  step?: number;
  tolerance?: number;
  indices?: readonly number[];
}

/**
 * Central differences `(f(x + h e_i) - f(x - h e_i)) / 2h` for the chosen elements of `x`. `f` must
 * read `x` itself, which is changed and restored.
 */
export function finiteDifference(
  f: () => number,
  x: Float64Array,
  { step = 1e-5, indices = Array.from(x.keys()) }: ProbeOptions = {},
): Float64Array {
  return Float64Array.from(indices, (i) => {
    const value = x[i];
    x[i] = value + step;
    const above = f();
    x[i] = value - step;
    const below = f();
    x[i] = value;
    return (above - below) / (2 * step);
  });
}

/** Fails unless `gradient` agrees with the finite differences of `f` with respect to `x`. */
export function assertGradient(
  name: string,
  f: () => number,
  x: Float64Array,
  gradient: Float64Array,
  options: ProbeOptions = {},
): void {
  assert.equal(gradient.length, x.length, `${name}: the gradient has another size than its input`);
  const indices = options.indices ?? Array.from(x.keys());
  const expected = finiteDifference(f, x, { ...options, indices });
  const actual = Float64Array.from(indices, (i) => gradient[i]);
  assertClose(name, actual, expected, options.tolerance ?? 1e-6);
}
