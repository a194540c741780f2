import assert from "node:assert/strict";
import fc from "fast-check";
import { Reservoir } from "../../src/images/reservoir.ts";
import { Random } from "../../src/random.ts";
import golden from "../golden/reservoir.json" with { type: "json" };

/** Counts of equally likely cells; five deviations above the mean of chi-square. */
function assertUniform(observed: ArrayLike<number>, expected: number, freedom: number): void {
  const found = Array.from(observed).reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  const limit = freedom + 5 * Math.sqrt(2 * freedom);
  assert(found < limit, `chi-square ${found} is above ${limit}`);
}

for (const [index, recorded] of golden.cases.entries()) {
  Deno.test(`offer() takes the slots of official run ${index} from its recorded draws`, () => {
    const reservoir = new Reservoir(recorded.buffer_size);
    const draws = recorded.draws_low_highexclusive_value.values();
    const replayed = {
      below(n: number): number {
        const [low, end, value] = draws.next().value!;
        assert.deepEqual([low, end], [0, n]);
        return value;
      },
    };
    const slots = Array.from({ length: recorded.items }, () => reservoir.offer(replayed));
    assert.deepEqual(slots, recorded.slots);
    assert(draws.next().done, "a recorded draw is left over");
  });
}

Deno.test("offer() never gives a slot at or above capacity and fills slots in order", () => {
  fc.assert(fc.property(fc.nat(20), fc.nat(100), fc.nat(), (capacity, offers, seed) => {
    const reservoir = new Reservoir(capacity);
    const random = Random.stream(seed, "reservoir");
    for (let offer = 0; offer < offers; offer++) {
      const slot = reservoir.offer(random);
      assert(slot >= -1 && slot < capacity);
      if (offer < capacity) assert.equal(slot, offer);
      assert.equal(reservoir.offered, offer + 1);
      assert.equal(reservoir.filled, Math.min(offer + 1, capacity));
    }
  }));
});

Deno.test("offer() holds every offered example equally often", () => {
  const [capacity, offers, runs] = [8, 40, 6000];
  const random = Random.stream(0, "reservoir");
  const held = new Uint32Array(offers);
  for (let run = 0; run < runs; run++) {
    const reservoir = new Reservoir(capacity);
    const slots = new Uint32Array(capacity);
    for (let example = 0; example < offers; example++) {
      const slot = reservoir.offer(random);
      if (slot !== -1) slots[slot] = example;
    }
    for (const example of slots) held[example]++;
  }
  // Draws of one run exclude each other, which makes the sum smaller, never larger, than chi-square's.
  assertUniform(held, runs * capacity / offers, offers - 1);
});

Deno.test("offer() of a reservoir without slots drops everything and draws nothing", () => {
  const random = Random.stream(0, "reservoir");
  const before = random.state();
  assert.equal(new Reservoir(0).offer(random), -1);
  assert.deepEqual(random.state(), before);
});

Deno.test("draw() gives min(k, filled) different slots in use", () => {
  fc.assert(
    fc.property(fc.nat(20), fc.nat(40), fc.nat(40), fc.nat(), (capacity, offers, k, seed) => {
      const random = Random.stream(seed, "replay");
      const reservoir = new Reservoir(capacity);
      for (let offer = 0; offer < offers; offer++) reservoir.offer(random);
      const drawn = reservoir.draw(random, k);
      assert.equal(drawn.length, Math.min(k, reservoir.filled));
      assert.equal(new Set(drawn).size, drawn.length);
      assert(drawn.every((slot) => slot < reservoir.filled));
    }),
  );
});

Deno.test("draw() makes every pair of slots equally likely", () => {
  const random = Random.stream(0, "replay");
  const reservoir = new Reservoir(10);
  for (let offer = 0; offer < 6; offer++) reservoir.offer(random);
  const pairs = new Map<string, number>();
  for (let run = 0; run < 15000; run++) {
    const pair = reservoir.draw(random, 2).join();
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  assert.equal(pairs.size, 30);
  assertUniform([...pairs.values()], 500, 29);
});

Deno.test("draw() of an empty reservoir is empty", () => {
  assert.equal(new Reservoir(5).draw(Random.stream(0, "replay"), 3).length, 0);
});

Deno.test("clear() lets slots fill from the first again", () => {
  const random = Random.stream(0, "reservoir");
  const reservoir = new Reservoir(2);
  for (let offer = 0; offer < 9; offer++) reservoir.offer(random);
  reservoir.clear();
  assert.equal(reservoir.filled, 0);
  assert.deepEqual([reservoir.offer(random), reservoir.offer(random)], [0, 1]);
});

Deno.test("restore() continues exactly where state() was taken", () => {
  const random = Random.stream(0, "reservoir");
  const reservoir = new Reservoir(4);
  for (let offer = 0; offer < 20; offer++) reservoir.offer(random);
  const saved = JSON.parse(JSON.stringify([reservoir.state(), random.state()]));
  const expected = Array.from({ length: 50 }, () => reservoir.offer(random));
  const resumed = new Reservoir(4);
  resumed.restore(saved[0]);
  random.restore(saved[1]);
  assert.deepEqual(Array.from({ length: 50 }, () => resumed.offer(random)), expected);
});

Deno.test("restore() refuses the state of another capacity", () => {
  assert.throws(
    () => new Reservoir(4).restore({ capacity: 5, offered: 1 }),
    /capacity 5, this one 4/,
  );
  assert.throws(() => new Reservoir(4).restore({ capacity: 4, offered: -1 }), RangeError);
});

Deno.test("a reservoir refuses a capacity that is no whole number", () => {
  for (const capacity of [-1, 0.5, NaN]) assert.throws(() => new Reservoir(capacity), RangeError);
});
