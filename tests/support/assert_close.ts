/**
 * Assertions on the measures of `src/reference/compare.ts`. The worst error under each name is printed when the test
 * file ends.
 */

import assert from "node:assert/strict";
import { type Numbers, relativeError, worstIndex } from "../../src/reference/compare.ts";

/** A limit above this would accept a wrong result; no comparison may ask for it. */
export const LARGEST_TOLERANCE = 1e-2;

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
