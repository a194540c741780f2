/** Open heads of the asymmetric cross-entropy. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { aceOpenHeads, aceOpenHeadsOfficial } from "../../src/method/ace.ts";
import { erAceOpenHeads } from "../../src/reference/er_ace.ts";

const sorted = (heads: ReadonlySet<number>) => [...heads].sort((a, b) => a - b);
const all = new Set([0, 1, 2, 3, 4, 5]);

Deno.test("in the first task every head is open", () => {
  const present = new Set([1]);
  assert.deepEqual(aceOpenHeads({ present, free: new Set([4, 5]), all, task: 0 }), all);
  assert.deepEqual(aceOpenHeadsOfficial({ present, seen: present, all, task: 0 }), all);
});

Deno.test("later the classes present and the heads still free are open, old classes are closed", () => {
  const open = aceOpenHeads({ present: new Set([2]), free: new Set([4, 5]), all, task: 1 });
  assert.deepEqual(sorted(open), [2, 4, 5]);
  // Head 3 belongs to the task but to no image of this batch: closed, as 0 and 1 are.
  const last = aceOpenHeads({ present: new Set([4, 5]), free: new Set(), all, task: 2 });
  assert.deepEqual(sorted(last), [4, 5]);
});

Deno.test("the official rule opens the heads from the largest one seen, until the last is seen", () => {
  const official = (present: number[], seen: number[]) =>
    sorted(
      aceOpenHeadsOfficial({ present: new Set(present), seen: new Set(seen), all, task: 1 }),
    );
  assert.deepEqual(official([2], [0, 1, 2, 3]), [2, 3, 4, 5]);
  assert.deepEqual(official([0], [0, 4]), [0, 4, 5]);
  assert.deepEqual(official([2], [2, 5]), [2]);
});

Deno.test("the official rule agrees with the plain one on any labels", () => {
  const heads = fc.uniqueArray(fc.nat(5), { minLength: 1 });
  fc.assert(fc.property(heads, fc.array(fc.nat(5)), fc.nat(3), (labels, before, task) => {
    const seen = new Set([...before, ...labels]);
    const found = aceOpenHeadsOfficial({ present: new Set(labels), seen, all, task });
    const plain = erAceOpenHeads(labels, seen, 6, task);
    assert.deepEqual(sorted(found), [...all].filter((head) => plain[head]));
  }));
});

Deno.test("the labels of a batch are open under either rule, always", () => {
  const heads = fc.uniqueArray(fc.nat(5), { minLength: 1 });
  fc.assert(fc.property(heads, heads, fc.nat(3), (labels, free, task) => {
    const present = new Set(labels);
    for (
      const open of [
        aceOpenHeads({ present, free: new Set(free), all, task }),
        aceOpenHeadsOfficial({ present, seen: present, all, task }),
      ]
    ) assert(labels.every((label) => open.has(label)));
  }));
});
