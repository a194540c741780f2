import assert from "node:assert/strict";
import fc from "fast-check";
import { assignHeads, type HeadVotes, pythonSetOrder } from "../../src/method/heads_assignment.ts";
import golden from "../golden/heads.json" with { type: "json" };

interface Recorded {
  name: string;
  classes_per_task: number;
  n_tasks: number;
  free_heads: number[];
  counts: Record<string, Record<string, number>>;
  row_order_of_official_python_set: number[];
  class_to_head: Record<string, number>;
}

function votesOf(recorded: Recorded): HeadVotes {
  const heads = recorded.classes_per_task * recorded.n_tasks;
  const classes = Object.keys(recorded.counts).map(Number).sort((a, b) => a - b);
  const counts = classes.map((realClass) => {
    const row = new Uint32Array(heads);
    for (const [head, n] of Object.entries(recorded.counts[realClass])) row[Number(head)] = n;
    return row;
  });
  return { classes, counts, free: recorded.free_heads };
}

const cases = golden.cases as unknown as Recorded[];

for (const recorded of cases) {
  const rows = recorded.row_order_of_official_python_set;
  const ascending = rows.every((row, i) => i === 0 || rows[i - 1] < row);

  Deno.test(`assignHeads() agrees with the official program: ${recorded.name}`, () => {
    const votes = votesOf(recorded);
    const expected = votes.classes.map((realClass) => recorded.class_to_head[realClass]);
    assert.deepEqual(assignHeads(votes, "official"), expected);
    if (ascending) assert.deepEqual(assignHeads(votes, "ascending"), expected);
    else assert.notDeepEqual(assignHeads(votes, "ascending"), expected);
  });

  Deno.test(`pythonSetOrder() agrees with Python: ${recorded.name}`, () => {
    assert.deepEqual(pythonSetOrder(votesOf(recorded).classes), rows);
  });
}

Deno.test("all 29 official cases are there, six of them with the set-order trap", () => {
  assert.equal(cases.length, 29);
  const trapped = cases.filter((recorded) => {
    const rows = recorded.row_order_of_official_python_set;
    return rows.some((row, i) => i > 0 && rows[i - 1] > row);
  });
  assert.equal(trapped.length, 6);
});

Deno.test("pythonSetOrder() changes table size at 5, 19 and 77 labels", () => {
  const from = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);
  assert.deepEqual(pythonSetOrder(from(7, 4)), [8, 9, 10, 7]);
  assert.deepEqual(pythonSetOrder(from(7, 5)), from(7, 5));
  assert.equal(pythonSetOrder(from(30, 18))[0], 32);
  assert.deepEqual(pythonSetOrder(from(30, 19)), from(30, 19));
  assert.equal(pythonSetOrder(from(100, 76))[0], 128);
  assert.deepEqual(pythonSetOrder(from(100, 77)), from(100, 77));
});

Deno.test("pythonSetOrder() refuses labels that collide", () => {
  assert.throws(() => pythonSetOrder([1, 9]), /collide modulo 8/);
});

Deno.test("assignHeads() gives each class its own most popular head where these differ", () => {
  const counts = [[0, 9, 1, 0], [0, 2, 0, 3]];
  assert.deepEqual(assignHeads({ classes: [2, 3], counts, free: [3, 2, 1] }), [1, 3]);
});

Deno.test("assignHeads() gives distinct free heads and never loses to a larger free pair", () => {
  const arbitrary = fc.integer({ min: 1, max: 6 }).chain((rows) =>
    fc.tuple(
      fc.array(fc.array(fc.nat(4), { minLength: 12, maxLength: 12 }), {
        minLength: rows,
        maxLength: rows,
      }),
      fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], { minLength: rows }),
    )
  );
  fc.assert(fc.property(arbitrary, ([counts, free]) => {
    const heads = assignHeads({ classes: counts.map((_, row) => row), counts, free });
    assert.equal(new Set(heads).size, counts.length);
    assert(heads.every((head) => free.includes(head)));
    // Stable in the sense of matchings: no row and head both prefer each other to what they got.
    counts.forEach((row, r) =>
      free.forEach((head) => {
        const owner = heads.indexOf(head);
        const ownerCount = owner === -1 ? -1 : counts[owner][head];
        assert(row[head] <= row[heads[r]] || row[head] <= ownerCount);
      })
    );
  }));
});

Deno.test("assignHeads() refuses too few free heads, rows or columns", () => {
  const counts = [[1, 2], [3, 4]];
  const classes = [0, 1];
  assert.throws(() => assignHeads({ classes, counts, free: [1, 1] }), /2 classes but 1 free/);
  assert.throws(() => assignHeads({ classes: [0], counts, free: [0, 1] }), TypeError);
  assert.throws(
    () => assignHeads({ classes, counts, free: [5, 6] }),
    /no count for the free heads/,
  );
});
