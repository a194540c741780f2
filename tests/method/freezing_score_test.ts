import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bestCandidate,
  type FreezingMode,
  freezingScore,
  roundToHundredths,
} from "../../src/method/freezing_score.ts";
import golden from "../golden/freeze_score.json" with { type: "json" };

interface Recorded {
  mode: FreezingMode;
  winner: number;
  candidates: {
    buffer_batch_losses: number[] | null;
    val_batch_losses: number[] | null;
    official_score_4_decimals: number;
  }[];
}

const cases = golden.cases as Recorded[];

function scores(recorded: Recorded, compat: "paper" | "official"): number[] {
  return recorded.candidates.map((candidate) =>
    freezingScore(
      {
        validation: candidate.val_batch_losses ?? [],
        buffer: candidate.buffer_batch_losses ?? [],
      },
      recorded.mode,
      compat,
    )
  );
}

/** Python's round(value, 2) in integers: the double is mantissa * 2^exponent, exactly. */
function roundExactly(value: number): number {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, Math.abs(value));
  const high = bits.getUint32(0);
  const raw = high >>> 20;
  const fraction = (BigInt(high & 0xfffff) << 32n) | BigInt(bits.getUint32(4));
  const mantissa = raw === 0 ? fraction : fraction | (1n << 52n);
  const exponent = Math.max(raw, 1) - 1075;
  if (exponent >= 0) return value;
  const denominator = 1n << BigInt(-exponent);
  let hundredths = (mantissa * 100n) / denominator;
  const twiceRest = 2n * ((mantissa * 100n) % denominator);
  if (twiceRest > denominator || (twiceRest === denominator && hundredths % 2n === 1n)) {
    hundredths++;
  }
  return Math.sign(value) * Number(`${hundredths}e-2`);
}

for (const [index, recorded] of cases.entries()) {
  Deno.test(`freezingScore() gives the official scores and winner: ${recorded.mode}, case ${index}`, () => {
    const found = scores(recorded, "official");
    recorded.candidates.forEach(({ official_score_4_decimals: expected }, i) => {
      // Scores were printed with four decimals; rounded ones have two and must agree exactly.
      if (recorded.mode === "buffer") assert(Math.abs(found[i] - expected) <= 0.5001e-4);
      else assert.equal(found[i], expected);
    });
    assert.equal(bestCandidate(found), recorded.winner);
  });
}

Deno.test("all 40 official cases are there, and the rounding decides 14 of them", () => {
  assert.equal(cases.length, 40);
  const decided = (mode: FreezingMode) =>
    cases.filter((recorded) =>
      recorded.mode === mode && bestCandidate(scores(recorded, "paper")) !== recorded.winner
    ).length;
  assert.deepEqual([decided("training_and_buff"), decided("training"), decided("buffer")], [
    13,
    1,
    0,
  ]);
});

Deno.test("freezingScore() of the paper is the plain mean of the two means", () => {
  const losses = { validation: [1, 2, 6], buffer: [0.5, 0.75] };
  assert.equal(freezingScore(losses, "training_and_buff", "paper"), (3 + 0.625) / 2);
  assert.equal(freezingScore(losses, "training", "paper"), 3);
  assert.equal(freezingScore(losses, "buffer", "paper"), 0.625);
});

Deno.test("freezingScore() officially rounds the validation mean and the score, never the buffer mean", () => {
  const losses = { validation: [1.005], buffer: [1.0049] };
  // 1.005 is below itself as a double: 1.00; (1.00 + 1.0049) / 2 = 1.00245.
  assert.equal(freezingScore(losses, "training_and_buff", "official"), 1);
  assert.equal(freezingScore(losses, "training", "official"), 1);
  assert.equal(freezingScore(losses, "buffer", "official"), 1.0049);
});

Deno.test("freezingScore() asks only for the losses its mode uses", () => {
  assert.equal(freezingScore({ validation: [1], buffer: [] }, "training", "official"), 1);
  assert.equal(freezingScore({ validation: [], buffer: [1] }, "buffer", "official"), 1);
  assert.throws(
    () => freezingScore({ validation: [1], buffer: [] }, "training_and_buff", "official"),
    /mean of the buffer batch losses/,
  );
});

Deno.test("freezingScore() refuses losses that are not finite", () => {
  for (const loss of [NaN, Infinity]) {
    const losses = { validation: [loss], buffer: [1] };
    assert.throws(() => freezingScore(losses, "training", "paper"), RangeError);
  }
});

Deno.test("bestCandidate() takes the first of equals", () => {
  assert.equal(bestCandidate([2, 1, 1, 3]), 1);
  assert.equal(bestCandidate([5]), 0);
  assert.throws(() => bestCandidate([]), RangeError);
  assert.throws(() => bestCandidate([1, NaN]), RangeError);
});

Deno.test("roundToHundredths() goes by the exact binary value, ties to the even hundredth", () => {
  const table = [
    [0.125, 0.12],
    [0.375, 0.38],
    [0.625, 0.62],
    [0.875, 0.88],
    [1.125, 1.12],
    [2.5, 2.5],
    [-0.125, -0.12],
    [-0.375, -0.38],
    [1.005, 1],
    [1.015, 1.01],
    [1.025, 1.02],
    [1.035, 1.03],
    [2.675, 2.67],
    [0.005, 0.01],
    [0, 0],
    [1e21, 1e21],
  ];
  for (const [value, expected] of table) assert.equal(roundToHundredths(value), expected);
});

Deno.test("roundToHundredths() agrees with exact integer arithmetic", () => {
  const hundredth = fc.integer({ min: -100000, max: 100000 }).map((n) => n / 200);
  const eighth = fc.integer({ min: -100000, max: 100000 }).map((n) => n / 8);
  const loss = fc.double({ min: -30, max: 30, noNaN: true });
  const any = fc.double({ noNaN: true, noDefaultInfinity: true });
  // By ===, as the sign of a zero says nothing here.
  const check = (value: number) => assert(roundToHundredths(value) === roundExactly(value));
  for (const values of [hundredth, eighth, loss, any]) {
    fc.assert(fc.property(values, check), { numRuns: 1000 });
  }
});

Deno.test("bestCandidate() asks one that freezes more to win by the margin", () => {
  assert.equal(bestCandidate([1, 0.97, 0.94], 0), 2);
  assert.equal(bestCandidate([1, 0.97, 0.94], 0.05), 2); // 6 % below the first
  assert.equal(bestCandidate([1, 0.97, 0.96], 0.05), 0);
  assert.equal(bestCandidate([1, 0.9, 0.86], 0.05), 1); // the third is not 5 % below the second
  assert.equal(bestCandidate([1, 0.9, 0.85], 0.05), 2);
  assert.equal(bestCandidate([-1, -1.04, -1.06], 0.05), 2);
});
