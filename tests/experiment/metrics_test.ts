import assert from "node:assert/strict";
import {
  backwardTransfer,
  finalAverage,
  forgetting,
  forgettingOfficial,
  forwardTransfer,
  type RunAccuracies,
  summarizeMatrix,
} from "../../src/experiment/metrics.ts";
import golden from "../golden/metrics.json" with { type: "json" };

/** Percent add up to a rounding error of this size at most. */
const close = (found: number, expected: number) =>
  assert(Math.abs(found - expected) < 1e-10, `found ${found}, expected ${expected}`);

for (const [index, recorded] of golden.cases.entries()) {
  Deno.test(`summarizeMatrix() gives the official metrics of case ${index}`, () => {
    const found = summarizeMatrix({
      matrix: recorded.results.map((row, task) => row.slice(0, task + 1)),
      beforeTraining: recorded.results.slice(0, -1).map((row, task) => row[task + 1]),
      baseline: recorded.random_results,
    }, "official");
    close(found.backwardTransfer, recorded.backward_transfer);
    close(found.forwardTransfer, recorded.forward_transfer);
    close(found.forgetting, recorded.forgetting);
  });
}

const FORGETS: RunAccuracies = {
  matrix: [[90], [70, 80], [50, 60, 40]],
  beforeTraining: [20, 5],
  baseline: [10, 12, 15],
};

/** The last task helped: the earlier ones end higher than ever. */
const IMPROVES: RunAccuracies = {
  matrix: [[50], [40, 60], [70, 66, 30]],
  beforeTraining: [10, 10],
  baseline: [10, 10, 10],
};

Deno.test("finalAverage() is the mean of the last row", () => {
  assert.equal(finalAverage(FORGETS.matrix), 50);
});

Deno.test("backwardTransfer() is last minus just learned, over all but the last task", () => {
  assert.equal(backwardTransfer(FORGETS.matrix), (50 - 90 + (60 - 80)) / 2);
  assert.equal(backwardTransfer(IMPROVES.matrix), (20 + 6) / 2);
});

Deno.test("forwardTransfer() is before learning minus baseline, over all but the first task", () => {
  assert.equal(forwardTransfer(FORGETS), (20 - 12 + (5 - 15)) / 2);
});

Deno.test("forgetting() is best earlier minus last", () => {
  assert.equal(forgetting(FORGETS.matrix), (90 - 50 + (80 - 60)) / 2);
  assert.equal(forgetting([[60], [90, 80], [50, 70, 40]]), (90 - 50 + (80 - 70)) / 2);
});

Deno.test("forgetting() is negative where the last task improved the others, officially it is 0", () => {
  assert.equal(forgetting(IMPROVES.matrix), -(20 + 6) / 2);
  assert.equal(forgettingOfficial(IMPROVES), 0);
});

Deno.test("forgettingOfficial() also counts the accuracy before a task was learned", () => {
  const lucky = { matrix: [[50], [50, 10], [50, 10, 10]], beforeTraining: [40, 0] };
  assert.equal(forgetting(lucky.matrix), 0);
  assert.equal(forgettingOfficial(lucky), (0 + 30) / 2);
});

Deno.test("summarizeMatrix() takes the plain forgetting unless told otherwise", () => {
  assert.deepEqual(summarizeMatrix(IMPROVES), {
    matrix: [[50], [40, 60], [70, 66, 30]],
    finalAverage: (70 + 66 + 30) / 3,
    backwardTransfer: 13,
    forwardTransfer: 0,
    forgetting: -13,
  });
  assert.equal(summarizeMatrix(IMPROVES, "official").forgetting, 0);
});

Deno.test("summarizeMatrix() of a single task has nothing to transfer or forget", () => {
  const joint = { matrix: [[70]], beforeTraining: [], baseline: [10] };
  for (const compat of ["paper", "official"] as const) {
    const { matrix: _, ...numbers } = summarizeMatrix(joint, compat);
    assert.deepEqual(numbers, {
      finalAverage: 70,
      backwardTransfer: 0,
      forwardTransfer: 0,
      forgetting: 0,
    });
  }
});

Deno.test("summarizeMatrix() leaves what it was given as it was", () => {
  const before = structuredClone(FORGETS);
  summarizeMatrix(FORGETS, "official").matrix[0][0] = -1;
  assert.deepEqual(FORGETS, before);
});

Deno.test("summarizeMatrix() refuses tables of the wrong shape", () => {
  const wrong: RunAccuracies[] = [
    { matrix: [], beforeTraining: [], baseline: [] },
    { ...FORGETS, matrix: [[90, 20], [70, 80, 5], [50, 60, 40]] },
    { ...FORGETS, beforeTraining: [20] },
    { ...FORGETS, baseline: [10] },
  ];
  for (const accuracies of wrong) assert.throws(() => summarizeMatrix(accuracies), TypeError);
});
