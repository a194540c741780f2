import assert from "node:assert/strict";
import fc from "fast-check";
import { relativeError, withoutF16Rounding, worstIndex } from "../../src/reference/compare.ts";
import {
  assertClose,
  assertGradient,
  finiteDifference,
  worstErrors,
} from "../support/assert_close.ts";

Deno.test("relativeError() is the distance over the size of what is expected", () => {
  assert.equal(relativeError([3, 4], [3, 4]), 0);
  assert.equal(relativeError([3, 4.5], [3, 4]), 0.1);
  assert.equal(relativeError([0, 0], [3, 4]), 1);
  assert.equal(relativeError([], []), 0);
});

Deno.test("relativeError() meets an expectation of zeros only by zeros", () => {
  assert.equal(relativeError([0, -0], [0, 0]), 0);
  assert.equal(relativeError([0, 1e-300], [0, 0]), Infinity);
});

Deno.test("relativeError() is infinite for NaN and for an infinity in one place only", () => {
  assert.equal(relativeError([1, NaN], [1, 2]), Infinity);
  assert.equal(relativeError([1, 2], [1, NaN]), Infinity);
  assert.equal(relativeError([NaN], [NaN]), Infinity);
  assert.equal(relativeError([1, Infinity], [1, 2]), Infinity);
  assert.equal(relativeError([1, 2], [1, -Infinity]), Infinity);
  assert.equal(relativeError([1, Infinity], [1, -Infinity]), Infinity);
  assert.equal(relativeError([1, -Infinity], [1, -Infinity]), 0);
  assert.equal(relativeError([3, 4.5, Infinity], [3, 4, Infinity]), 0.1);
});

Deno.test("relativeError() does not depend on the unit, however large or small", () => {
  const value = fc.integer({ min: -1000, max: 1000 }).map((eighths) => eighths / 8);
  const pairs = fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 9 });
  fc.assert(fc.property(pairs, fc.constantFrom(2 ** 1000, 2 ** -900), (values, unit) => {
    const [a, b] = [values.map(([a]) => a), values.map(([, b]) => b)];
    const error = relativeError(a, b);
    const scaled = relativeError(a.map((v) => v * unit), b.map((v) => v * unit));
    assert.ok(error === scaled || Math.abs(error / scaled - 1) < 1e-12, `${error} ${scaled}`);
  }));
});

Deno.test("relativeError() refuses vectors of different lengths", () => {
  assert.throws(() => relativeError([1], [1, 2]), TypeError);
});

Deno.test("withoutF16Rounding() forgives the nearest f16 and nothing beyond", () => {
  const values = [1 + 2 ** -11, -1.4997, 3.3, 1e-7, 0, 60001, -(2 ** -14)];
  const rounded = Float64Array.from(new Float16Array(values));
  assert.deepEqual([...withoutF16Rounding(rounded, values)], values);
  // One step further: half of it is left.
  const steps = [2 ** -10, 2 ** -10, 2 ** -9, 2 ** -24, 2 ** -24, 32, 2 ** -24];
  const left = withoutF16Rounding(values.map((value, i) => value + steps[i]), values);
  left.forEach((value, i) => assert.equal(value - values[i], steps[i] / 2, `${values[i]}`));
  const strange = withoutF16Rounding([NaN, 1, Infinity, 65504, 2], [
    1,
    NaN,
    1,
    Infinity,
    -Infinity,
  ]);
  assert.deepEqual([...strange], [NaN, 1, Infinity, 65504, 2]);
});

Deno.test("worstIndex() finds the largest difference, and NaN before it", () => {
  assert.equal(worstIndex([1, 2, 9], [1, 5, 8]), 1);
  assert.equal(worstIndex([1, 2, NaN], [1, 5, 8]), 2);
  assert.equal(worstIndex([Infinity, 2, 3], [Infinity, 2, 4]), 2);
});

Deno.test("assertClose() names the worst element", () => {
  assert.throws(
    () => assertClose("a made-up failure", [1, 2, 4], [1, 2, 3], 1e-4),
    /a made-up failure: relative error 2.67e-1 exceeds 0.0001; worst at index 2 of 3: 4 instead of 3/,
  );
});

Deno.test("assertClose() refuses a tolerance that would accept anything or nothing", () => {
  for (const tolerance of [0.1, 1, Infinity, NaN, 0, -1e-6]) {
    assert.throws(() => assertClose("x", [1], [1], tolerance), RangeError);
  }
});

Deno.test("assertClose() remembers the worst error under each name", () => {
  assertClose("a made-up success", [1.001], [1], 1e-2);
  assertClose("a made-up success", [1], [1], 1e-2);
  assert.ok(Math.abs(worstErrors().get("a made-up success")!.error - 1e-3) < 1e-12);
});

Deno.test("finiteDifference() differentiates a cube and leaves its input alone", () => {
  const x = Float64Array.of(1, -2, 3);
  const f = () => x.reduce((sum, value) => sum + value ** 3, 0);
  assertClose("derivative of a cube", finiteDifference(f, x), [3, 12, 27], 1e-8);
  assertClose("chosen derivative", finiteDifference(f, x, { indices: [2] }), [27], 1e-8);
  assert.deepEqual(x, Float64Array.of(1, -2, 3));
});

Deno.test("assertGradient() refuses a gradient that is wrong in one element", () => {
  const x = Float64Array.of(1, -2, 3);
  const f = () => x.reduce((sum, value) => sum + value ** 3, 0);
  assertGradient("gradient of a cube", f, x, Float64Array.of(3, 12, 27));
  const wrong = Float64Array.of(3, 12.01, 27);
  assert.throws(() => assertGradient("a wrong gradient", f, x, wrong), assert.AssertionError);
});
