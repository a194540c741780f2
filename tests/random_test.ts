import assert from "node:assert/strict";
import fc from "fast-check";
import { fnv1a64, Random, splitmix64 } from "../src/random.ts";

/** Sum of (observed - expected)^2 / expected; its mean is cells - 1, its deviation sqrt(2 (cells - 1)). */
function chiSquare(observed: ArrayLike<number>, expected: number): number {
  return Array.from(observed).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Five deviations above the mean: seeds are fixed, so this fails for a wrong program only. */
function assertUniform(observed: ArrayLike<number>, draws: number): void {
  const freedom = observed.length - 1;
  const found = chiSquare(observed, draws / observed.length);
  const limit = freedom + 5 * Math.sqrt(2 * freedom);
  assert(found < limit, `chi-square ${found} of ${observed.length} cells is above ${limit}`);
}

Deno.test("uint32() gives the outputs of the reference xoshiro128** 1.1 from state 1, 2, 3, 4", () => {
  const random = Random.from([1, 2, 3, 4]);
  const found = Array.from({ length: 10 }, () => random.uint32());
  assert.deepEqual(found, [
    ...[11520, 0, 5927040, 70819200, 2031721883],
    ...[1637235492, 1287239034, 3734860849, 3729100597, 4258142804],
  ]);
});

Deno.test("uint32() follows the reference recurrence written with BigInt", () => {
  const mask = 0xffffffffn;
  const rotate = (x: bigint, k: bigint) => ((x << k) | (x >> (32n - k))) & mask;
  const random = Random.stream(5, "twin");
  let [a, b, c, d] = random.state().map(BigInt);
  for (let step = 0; step < 2000; step++) {
    assert.equal(random.uint32(), Number((rotate((b * 5n) & mask, 7n) * 9n) & mask));
    const shifted = (b << 9n) & mask;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11n);
  }
});

Deno.test("splitmix64() gives its published outputs for seed 1234567", () => {
  const next = splitmix64(1234567n);
  assert.deepEqual([next(), next(), next(), next(), next()], [
    ...[6457827717110365317n, 3203168211198807973n, 9817491932198370423n],
    ...[4593380528125082431n, 16408922859458223821n],
  ]);
});

Deno.test("fnv1a64() gives its published hashes", () => {
  assert.equal(fnv1a64(""), 0xcbf29ce484222325n);
  assert.equal(fnv1a64("a"), 0xaf63dc4c8601ec8cn);
  assert.equal(fnv1a64("foobar"), 0x85944171f73967e8n);
});

Deno.test("stream() repeats itself for the same seed and purpose and for no other", () => {
  const purposes = ["init", "order", "augment", "replay", "reservoir", ""];
  const starts = [0, 1, 2, 3, Number.MAX_SAFE_INTEGER].flatMap((seed) =>
    purposes.map((purpose) => {
      const random = Random.stream(seed, purpose);
      assert.deepEqual(random.state(), Random.stream(seed, purpose).state());
      return `${random.uint32()} ${random.uint32()}`;
    })
  );
  assert.equal(new Set(starts).size, starts.length);
});

Deno.test("stream() keeps its outputs, as runs and checkpoints depend on them", () => {
  const random = Random.stream(0, "order");
  assert.deepEqual(Array.from({ length: 4 }, () => random.uint32()), STREAM_0_ORDER);
});

Deno.test("streams of two purposes agree in no more bits than chance gives", () => {
  const [a, b] = [Random.stream(1, "order"), Random.stream(1, "augment")];
  const agreements = new Uint32Array(33);
  for (let draw = 0; draw < 20000; draw++) {
    const differing = (a.uint32() ^ b.uint32()) >>> 0;
    agreements[differing.toString(2).replaceAll("0", "").length]++;
  }
  const mean = agreements.reduce((sum, count, bits) => sum + count * bits, 0) / 20000;
  assert(Math.abs(mean - 16) < 5 * Math.sqrt(8 / 20000), `mean of differing bits is ${mean}`);
});

Deno.test("stream() refuses seeds that are no whole number from 0 to 2^53 - 1", () => {
  for (const seed of [-1, 0.5, NaN, 2 ** 53]) {
    assert.throws(() => Random.stream(seed, "init"), RangeError);
  }
});

Deno.test("restore() continues exactly where state() was taken", () => {
  const random = Random.stream(3, "order");
  random.permutation(100);
  const state = JSON.parse(JSON.stringify(random.state()));
  const draw = (source: Random) => [
    source.uint32(),
    source.uniform(),
    source.below(10),
    source.normal(),
    ...source.permutation(5),
    ...source.sampleWithoutReplacement(9, 3),
  ];
  const expected = draw(random);
  assert.deepEqual(draw(Random.from(state)), expected);
  random.restore(state);
  assert.deepEqual(draw(random), expected);
});

Deno.test("restore() refuses what is no state", () => {
  for (
    const state of [[1, 2, 3], [0, 0, 0, 0], [1, 2, 3, -1], [1, 2, 3, 2 ** 32], [1, 2, 3, 0.5]]
  ) {
    assert.throws(() => Random.from(state), RangeError);
  }
});

Deno.test("uint32() has every bit set half of the time", () => {
  const random = Random.stream(0, "bits");
  const ones = new Uint32Array(32);
  for (let draw = 0; draw < 10000; draw++) {
    const word = random.uint32();
    for (let bit = 0; bit < 32; bit++) ones[bit] += (word >>> bit) & 1;
  }
  for (const count of ones) assert(Math.abs(count - 5000) < 5 * 50, `${count} of 10000`);
});

Deno.test("uniform() stays in [0, 1), fills it evenly and uses 53 bits", () => {
  const random = Random.stream(0, "uniform");
  const cells = new Uint32Array(64);
  let lowestBits = 0;
  for (let draw = 0; draw < 20000; draw++) {
    const value = random.uniform();
    assert(value >= 0 && value < 1);
    cells[Math.floor(value * 64)]++;
    lowestBits += (value * 2 ** 53) % 2;
  }
  assertUniform(cells, 20000);
  assert(Math.abs(lowestBits - 10000) < 5 * 71, `lowest bit set in ${lowestBits} of 20000`);
});

Deno.test("below() is uniform, also for numbers that do not divide 2^32", () => {
  for (const n of [1, 2, 3, 7, 10, 97]) {
    const random = Random.stream(n, "below");
    const counts = new Uint32Array(n);
    for (let draw = 0; draw < 20000; draw++) counts[random.below(n)]++;
    if (n > 1) assertUniform(counts, 20000);
  }
});

Deno.test("below() is unbiased where a plain remainder would double the small numbers", () => {
  const random = Random.stream(0, "bias");
  const n = 3 * 2 ** 30;
  const thirds = new Uint32Array(3);
  for (let draw = 0; draw < 20000; draw++) thirds[Math.floor(random.below(n) / 2 ** 30)]++;
  assertUniform(thirds, 20000);
  assert(random.below(2 ** 32) < 2 ** 32);
});

Deno.test("below() refuses what is no count", () => {
  const random = Random.stream(0, "below");
  for (const n of [0, -1, 1.5, NaN, 2 ** 32 + 1]) assert.throws(() => random.below(n), RangeError);
});

Deno.test("range() stays within its limits and fills them evenly", () => {
  const random = Random.stream(0, "range");
  const cells = new Uint32Array(10);
  for (let draw = 0; draw < 10000; draw++) cells[Math.floor((random.range(-2, 3) + 2) * 2)]++;
  assertUniform(cells, 10000);
});

Deno.test("normal() has the moments and the tails of a standard normal number", () => {
  const random = Random.stream(0, "normal");
  const draws = Array.from({ length: 40000 }, () => random.normal());
  const moment = (power: number) => draws.reduce((sum, x) => sum + x ** power, 0) / draws.length;
  // Five deviations of the mean of x, x^2, x^3 and x^4, whose variances are 1, 2, 15 and 96.
  for (const [power, expected, variance] of [[1, 0, 1], [2, 1, 2], [3, 0, 15], [4, 3, 96]]) {
    const error = Math.abs(moment(power) - expected);
    assert(error < 5 * Math.sqrt(variance / draws.length), `moment ${power} is off by ${error}`);
  }
  const outside = draws.filter((x) => Math.abs(x) > 1.959964).length / draws.length;
  assert(Math.abs(outside - 0.05) < 5 * Math.sqrt(0.05 * 0.95 / draws.length), `${outside}`);
});

Deno.test("shuffle() makes every order equally likely", () => {
  const random = Random.stream(0, "shuffle");
  const orders = new Map<string, number>();
  for (let run = 0; run < 24000; run++) {
    const order = random.shuffle(["a", "b", "c", "d"]).join("");
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  assert.equal(orders.size, 24);
  assertUniform([...orders.values()], 24000);
});

Deno.test("shuffle() handles empty and one-item arrays without a draw", () => {
  const random = Random.stream(0, "shuffle");
  const before = random.state();
  assert.deepEqual(random.shuffle([]), []);
  assert.deepEqual(random.shuffle([1]), [1]);
  assert.deepEqual(random.state(), before);
});

Deno.test("permutation() holds each number once", () => {
  fc.assert(fc.property(fc.nat(300), fc.nat(), (n, seed) => {
    const found = Random.stream(seed, "order").permutation(n).sort();
    assert.deepEqual(Array.from(found), Array.from({ length: n }, (_, i) => i));
  }));
});

Deno.test("sampleWithoutReplacement() gives k different numbers below n", () => {
  fc.assert(fc.property(fc.nat(200), fc.nat(200), fc.nat(), (a, b, seed) => {
    const [k, n] = [Math.min(a, b), Math.max(a, b)];
    const found = Random.stream(seed, "sample").sampleWithoutReplacement(n, k);
    assert.equal(new Set(found).size, k);
    assert(found.every((value) => value < n));
  }));
});

Deno.test("sampleWithoutReplacement() makes every sequence equally likely", () => {
  const random = Random.stream(0, "sample");
  const sequences = new Map<string, number>();
  for (let run = 0; run < 30000; run++) {
    const sequence = random.sampleWithoutReplacement(5, 3).join();
    sequences.set(sequence, (sequences.get(sequence) ?? 0) + 1);
  }
  assert.equal(sequences.size, 60);
  assertUniform([...sequences.values()], 30000);
});

Deno.test("sampleWithoutReplacement() refuses to draw more than there are", () => {
  const random = Random.stream(0, "sample");
  for (const k of [4, -1, 0.5]) {
    assert.throws(() => random.sampleWithoutReplacement(3, k), RangeError);
  }
});

/** Recorded from this program; a change here changes every run of every seed. */
const STREAM_0_ORDER = [2626627622, 3117868981, 1671215227, 4269428112];
