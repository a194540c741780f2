import assert from "node:assert/strict";
import {
  meanAndDeviation,
  pairedDifference,
  tQuantile,
} from "../../../src/experiment/comparison/statistics.ts";

/** Student's density, integrated from 0 to `t` by Simpson's rule: an independent way to the quantile. */
function probabilityBelow(t: number, degrees: number): number {
  const shape = (x: number) => (1 + x * x / degrees) ** (-(degrees + 1) / 2);
  const integral = (to: number, steps: number) => {
    const h = to / steps;
    let sum = shape(0) + shape(to);
    for (let i = 1; i < steps; i++) sum += (i % 2 ? 4 : 2) * shape(i * h);
    return sum * h / 3;
  };
  // x = tan(u) maps the whole half line to 0 .. pi / 2.
  const half = (steps: number) => {
    const h = Math.PI / 2 / steps;
    let sum = 0;
    for (let i = 0; i < steps; i++) {
      const u = (i + 0.5) * h;
      sum += shape(Math.tan(u)) / Math.cos(u) ** 2;
    }
    return sum * h;
  };
  return 0.5 + 0.5 * integral(t, 20_000) / half(200_000);
}

Deno.test("tQuantile() is the 97.5 % quantile of Student's t", () => {
  for (const degrees of [1, 2, 3, 4, 7, 15, 30]) {
    const probability = probabilityBelow(tQuantile(degrees), degrees);
    assert.ok(Math.abs(probability - 0.975) < 5e-5, `${degrees} degrees: ${probability}`);
  }
  assert.equal(tQuantile(1000), tQuantile(30)); // a little too wide, never too narrow
  for (const degrees of [0, -1, 1.5]) assert.throws(() => tQuantile(degrees), RangeError);
});

Deno.test("meanAndDeviation() is that of a sample", () => {
  assert.deepEqual(meanAndDeviation([2, 4, 4, 4, 5, 5, 7, 9]), {
    mean: 5,
    deviation: Math.sqrt(32 / 7),
    count: 8,
  });
  assert.deepEqual(meanAndDeviation([3]), { mean: 3, deviation: null, count: 1 });
  assert.equal(meanAndDeviation([]), null);
});

Deno.test("pairedDifference() goes by pairs, not by the spread between seeds", () => {
  // Differences 1, 2, 3, 4, 5: mean 3, deviation sqrt(2.5), t 2.776.
  const pairs = [[11, 10], [52, 50], [33, 30], [94, 90], [75, 70]] as const;
  const { mean, interval, pairs: count, wins } = pairedDifference(pairs)!;
  const half = 2.776 * Math.sqrt(2.5) / Math.sqrt(5);
  assert.equal(mean, 3);
  assert.deepEqual(interval, [3 - half, 3 + half]);
  assert.deepEqual([count, wins], [5, 5]);
  assert.deepEqual(pairedDifference([[1, 2]]), { mean: -1, interval: null, pairs: 1, wins: 0 });
  assert.equal(pairedDifference([]), null);
});
