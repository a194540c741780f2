/** What counts as a label, and by how much logits are shifted for it. */
import assert from "node:assert/strict";
import { LabelPrior, logitShift } from "../../src/learner/label_prior.ts";
import type { Sample } from "../../src/learner/batch.ts";
import { argmax } from "../../src/reference/argmax.ts";

const samples = (...labels: number[]) => labels.map((label) => ({ label })) as unknown as Sample[];

Deno.test("labels count under plain cross-entropy, with the weight of their segment", () => {
  const prior = new LabelPrior(3);
  const all = new Set([0, 1, 2]);
  prior.count([
    { samples: samples(0, 0, 2), open: all },
    { samples: samples(1, 1), open: new Set([1, 2]) },
    { samples: samples(2), open: all, weight: 0.5 },
    { samples: samples(1), open: all, weight: 0 },
  ]);
  assert.deepEqual([...prior.rows], [2, 0, 1.5]);
  prior.clear();
  assert.deepEqual([...prior.rows], [0, 0, 0]);
});

Deno.test("a shift is minus tau times the logarithm of the prior, each head counted once more", () => {
  const shift = logitShift([2, 0, 7], 0.5);
  [3, 1, 8].forEach((count, head) => {
    assert.ok(Math.abs(shift[head] - -0.5 * Math.log(count / 12)) < 1e-6);
  });
  assert.deepEqual(logitShift([5, 1], 0).map(Math.abs), new Float32Array(2));
});

Deno.test("shifted logits of a classifier that learned the prior answer as if it were even", () => {
  // Logarithms of p(image | class) p(class), up to a constant: class 1 explains the image best, and is rare.
  const likelihood = [0.2, 0.5, 0.3];
  const rows = [899, 9, 89];
  const logits = likelihood.map((value, head) => Math.log(value * (rows[head] + 1)));
  assert.deepEqual(argmax(logits, 3), [0]);
  const shift = logitShift(rows, 1);
  assert.deepEqual(argmax(logits.map((logit, head) => logit + shift[head]), 3), [1]);
});
