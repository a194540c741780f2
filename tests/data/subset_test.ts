import fc from "fast-check";
import assert from "node:assert/strict";
import { drawSubset, takeSubset } from "../../src/data/subset.ts";
import { InputError } from "../../src/errors.ts";

const draw = (count: number, perClass: number | null, subsetSeed?: number, name = "cat") => [
  ...drawSubset(count, name, "train", { perClass, subsetSeed }),
];

Deno.test("a draw has as many different images as asked for, in the order of the data", () => {
  const sizes = fc.nat(200).chain((count) => fc.tuple(fc.constant(count), fc.nat(count)));
  fc.assert(fc.property(sizes, fc.nat(), ([count, perClass], seed) => {
    const places = draw(count, perClass, seed);
    assert.equal(places.length, perClass);
    places.forEach((place, i) => assert.ok(place < count && (i === 0 || place > places[i - 1])));
    assert.deepEqual(draw(count, perClass, seed), places);
    const more = draw(count, count - Math.floor((count - perClass) / 2), seed);
    for (const place of places) assert.ok(more.includes(place), "a larger draw holds it");
  }));
  assert.deepEqual(draw(4, null), [0, 1, 2, 3]);
  assert.deepEqual(draw(4, 4), [0, 1, 2, 3]);
});

Deno.test("a draw reaches the whole class, not its first images", () => {
  // 80 of 2,000 ordered images, as when a class was put together from 20 sources of 100.
  const sources = new Set(draw(2000, 80).map((place) => Math.floor(place / 100)));
  assert.ok(sources.size >= 16, `${sources.size} of 20 sources`);
  // Over many seeds, each of 10 images is among 3 drawn as often as any other.
  const counts = new Array(10).fill(0);
  for (let seed = 0; seed < 2000; seed++) for (const place of draw(10, 3, seed)) counts[place]++;
  // 600 expected, of standard deviation 20.5.
  for (const count of counts) assert.ok(Math.abs(count - 600) < 100, counts.join());
});

Deno.test("seed, class and part each have a draw of their own; the seed is 0 unless told", () => {
  const one = draw(1000, 10);
  assert.deepEqual(draw(1000, 10, 0), one);
  assert.notDeepEqual(draw(1000, 10, 1), one);
  assert.notDeepEqual(draw(1000, 10, 0, "dog"), one);
  assert.notDeepEqual([...drawSubset(1000, "cat", "test", { perClass: 10 })], one);
  // Recorded once: a change would give every comparison other images.
  assert.deepEqual(one, [170, 461, 573, 686, 704, 744, 786, 820, 840, 917]);
});

Deno.test("a class's images stay the same when classes are added, left out or numbered anew", () => {
  const labels = Array.from({ length: 300 }, (_, i) => i % 3);
  const choice = { perClass: 7, subsetSeed: 3 };
  const taken = takeSubset(labels, ["a", "b", "c"], "train", choice, "x");
  const ofB = taken.filter((place) => labels[place] === 1);
  assert.deepEqual([taken.length, ofB.length], [21, 7]);
  assert.deepEqual([...taken], [...taken].sort((a, b) => a - b));
  const alone = labels.map((label) => label === 1 ? 0 : -1);
  assert.deepEqual(takeSubset(alone, ["b"], "train", choice, "x"), ofB);
  const all = takeSubset(alone, ["b"], "train", { perClass: null }, "x");
  assert.equal(all.length, 100, "without a limit all are taken, but none of other classes");
});

Deno.test("a class with fewer images than are to be taken is refused by its name", () => {
  assert.throws(
    () => takeSubset([0, 0, 1], ["a", "b"], "test", { perClass: 2 }, "DIR/pets"),
    (error) => {
      assert.ok(error instanceof InputError);
      assert.match(
        error.message,
        /2 images per class of DIR\/pets: class b has 1, .*\(testPerClass\)$/,
      );
      return true;
    },
  );
});
