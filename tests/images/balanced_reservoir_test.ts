/** The balanced reservoir: even classes, every example of a class equally often, and a state that goes on. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { BalancedReservoir } from "../../src/images/balanced_reservoir.ts";
import { Random } from "../../src/random.ts";

/** Offers a stream of labels; which example, by its place in the stream, each slot holds in the end. */
function fill(reservoir: BalancedReservoir, labels: readonly number[], random: Random): number[] {
  const slots: number[] = [];
  labels.forEach((label, example) => {
    const slot = reservoir.offer(random, label);
    if (slot >= 0) slots[slot] = example;
  });
  return slots;
}

const countOf = (labels: readonly number[], label: number) =>
  labels.filter((other) => other === label).length;

Deno.test("classes are held as evenly as their numbers allow, in any order of the stream", () => {
  const stream = fc.array(fc.nat(6), { maxLength: 150 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 25 }), stream, fc.nat(), (capacity, labels, seed) => {
      const reservoir = new BalancedReservoir(capacity);
      const slots = fill(reservoir, labels, Random.stream(seed, "balanced"));
      const held = slots.map((example) => labels[example]);
      assert.deepEqual(held, reservoir.state().labels);
      assert.equal(reservoir.filled, Math.min(capacity, labels.length));
      assert.equal(new Set(slots).size, slots.length);
      const classes = [...new Set(labels)];
      const largest = Math.max(0, ...classes.map((label) => countOf(held, label)));
      for (const label of classes) {
        const [kept, offered] = [countOf(held, label), countOf(labels, label)];
        assert.ok(
          kept === offered || kept >= largest - 1,
          `${kept} of ${offered}, others ${largest}`,
        );
      }
    }),
  );
});

Deno.test("ten images of a class are kept beside a thousand of another", () => {
  const labels = [...Array(1000).fill(0), ...Array(10).fill(1), ...Array(1000).fill(2)];
  const reservoir = new BalancedReservoir(50);
  fill(reservoir, labels, Random.stream(0, "balanced"));
  const { labels: held, offeredOf } = reservoir.state();
  assert.deepEqual([0, 1, 2].map((label) => countOf(held, label)), [20, 10, 20]);
  assert.deepEqual(offeredOf, [[0, 1000], [1, 10], [2, 1000]]);
});

Deno.test("every example of a class is held with the same probability", () => {
  // Classes that come late, early and throughout, of very different sizes.
  const labels = [
    ...Array(12).fill(0),
    ...Array.from({ length: 40 }, (_, i) => i % 4 === 0 ? 0 : 1),
    ...Array.from({ length: 30 }, (_, i) => i % 3),
  ];
  const runs = 6000;
  const random = Random.stream(0, "balanced");
  const held = new Uint32Array(labels.length);
  for (let run = 0; run < runs; run++) {
    for (const example of fill(new BalancedReservoir(9), labels, random)) held[example]++;
  }
  for (const label of [0, 1, 2]) {
    const counts = [...held].filter((_, example) => labels[example] === label);
    const expected = counts.reduce((a, b) => a + b, 0) / counts.length;
    assert.ok(
      Math.abs(expected - 3 * runs / counts.length) < 0.15 * expected,
      "three of each class",
    );
    // Examples of one run exclude each other, which makes the sum smaller, never larger, than chi-square's.
    const found = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    const freedom = counts.length - 1;
    const limit = freedom + 5 * Math.sqrt(2 * freedom);
    assert.ok(found < limit, `class ${label}: chi-square ${found} is above ${limit}`);
  }
});

Deno.test("slots fill in order without a draw, and none is given where there are none", () => {
  const random = Random.stream(0, "balanced");
  const before = random.state();
  const reservoir = new BalancedReservoir(3);
  assert.deepEqual([5, 5, 7].map((label) => reservoir.offer(random, label)), [0, 1, 2]);
  assert.equal(new BalancedReservoir(0).offer(random, 1), -1);
  assert.deepEqual(random.state(), before);
  reservoir.clear();
  assert.deepEqual(reservoir.state(), { capacity: 3, offered: 0, labels: [], offeredOf: [] });
  assert.equal(reservoir.offer(random, 7), 0);
});

Deno.test("restore() continues exactly where state() was taken, through JSON", () => {
  const random = Random.stream(0, "balanced");
  const labels = Array.from({ length: 200 }, () => Math.floor(random.uniform() ** 2 * 6));
  const reservoir = new BalancedReservoir(11);
  fill(reservoir, labels.slice(0, 100), random);
  const saved = JSON.parse(JSON.stringify([reservoir.state(), random.state()]));
  const go = (from: BalancedReservoir) =>
    labels.slice(100).map((label) => from.offer(random, label));
  const expected = go(reservoir);
  const resumed = new BalancedReservoir(11);
  resumed.restore(saved[0]);
  random.restore(saved[1]);
  assert.deepEqual(go(resumed), expected);
  assert.deepEqual(resumed.state(), reservoir.state());
});

Deno.test("restore() refuses states of other memories and states that contradict themselves", () => {
  const reservoir = new BalancedReservoir(2);
  const state = { capacity: 2, offered: 3, labels: [0, 1], offeredOf: [[0, 2], [1, 1]] as const };
  reservoir.restore(state);
  assert.deepEqual(reservoir.state(), state);
  const refused: readonly [object, RegExp][] = [
    [{ ...state, capacity: 3 }, /capacity 3, this one 2/],
    [{ capacity: 2, offered: 3 }, /of a plain one/],
    [{ ...state, offered: 4 }, /contradicts itself \(offered 4, by class 3, held 2\)/],
    [{ ...state, labels: [0] }, /contradicts itself/],
    [{ ...state, labels: [1, 1] }, /contradicts itself/],
  ];
  for (const [wrong, message] of refused) {
    assert.throws(() => reservoir.restore(wrong as typeof state), message);
  }
  assert.deepEqual(reservoir.state(), state, "a state that is refused changes nothing");
});

Deno.test("a balanced reservoir refuses a capacity that is no whole number", () => {
  for (const capacity of [-1, 0.5, NaN]) {
    assert.throws(() => new BalancedReservoir(capacity), RangeError);
  }
});
