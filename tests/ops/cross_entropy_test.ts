/** Masked cross-entropy against the twin. */

import assert from "node:assert/strict";
import { BatchRecord, type BatchRow } from "../../src/ops/batch_record.ts";
import { recordCrossEntropy } from "../../src/ops/cross_entropy.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { Random } from "../../src/random.ts";
import { assertClose } from "../support/assert_close.ts";
import type { Shape4 } from "../../src/reference/conv2d.ts";
import { crossEntropy } from "../../src/reference/cross_entropy.ts";
import { readGolden, readGoldenJson } from "../support/golden.ts";
import { gpuTests, Workbench } from "../support/gpu.ts";
import { fromNhwc, normals, padded, toNhwc } from "../../src/reference/layout.ts";

const test = await gpuTests();
const TOLERANCE = 2e-6;

/** Rows in order, each with its mask. */
interface Problem {
  logits: Float64Array;
  heads: number;
  labels: number[];
  weights: number[];
  maskOf: number[];
  masks: ReadonlySet<number>[];
}

const plainRow: BatchRow = {
  source: 0,
  index: 0,
  top: 0,
  left: 0,
  flip: false,
  label: 0,
  mask: 0,
  weight: 0,
  slot: -1,
};

async function compute(gpu: Gpu, { logits, heads, labels, weights, maskOf, masks }: Problem) {
  const rows = labels.length;
  const shape: Shape4 = [rows, heads, 1, 1];
  let result: { loss: number; rowLosses: Float64Array; gradLogits: Float64Array } | undefined;
  await Workbench.with(gpu, async (bench) => {
    const batch = new BatchRecord(bench.arena, { maxRows: rows, maxMasks: 4, heads });
    const records = labels.map((label, i) => ({
      ...plainRow,
      label,
      weight: weights[i],
      mask: maskOf[i],
    }));
    batch.write({ lossSlot: 2, learningRate: 0 }, records, masks);
    // Padded logits are never read: a huge number there would show.
    const padding = toNhwc(logits, shape).map((value, i) =>
      i % padded(heads) < heads ? value : 1e30
    );
    const gLogits = bench.f32(padding.length);
    const rowLosses = bench.f32(rows);
    const losses = bench.f32(4);
    await bench.run([
      recordCrossEntropy({
        rows,
        heads,
        batch: batch.tensor,
        logits: bench.f32(padding),
        gLogits,
        rowLosses,
        losses,
      }),
    ]);
    const read = await bench.read(losses, rowLosses, gLogits);
    assert.deepEqual([...read[0]].map(Number.isNaN), [true, true, false, true], "other slots");
    result = {
      loss: read[0][2],
      rowLosses: Float64Array.from(read[1]),
      gradLogits: fromNhwc(read[2], shape),
    };
  });
  return result!;
}

/** The twin takes one mask at a time: rows one by one. */
function twin({ logits, heads, labels, weights, maskOf, masks }: Problem) {
  const rows = labels.map((label, i) =>
    crossEntropy(logits.slice(i * heads, (i + 1) * heads), [label], heads, {
      open: Array.from({ length: heads }, (_, head) => masks[maskOf[i]].has(head)),
      rowWeights: [weights[i]],
    })
  );
  return {
    loss: rows.reduce((sum, { loss }) => sum + loss, 0),
    rowLosses: Float64Array.from(rows, ({ loss }) => loss),
    gradLogits: Float64Array.from(rows.flatMap(({ gradLogits }) => [...gradLogits])),
  };
}

async function check(gpu: Gpu, problem: Problem): Promise<void> {
  const [found, expected] = [await compute(gpu, problem), twin(problem)];
  assertClose("cross-entropy loss", [found.loss], [expected.loss], TOLERANCE);
  assertClose("cross-entropy of rows", found.rowLosses, expected.rowLosses, TOLERANCE);
  assertClose("cross-entropy gradient", found.gradLogits, expected.gradLogits, TOLERANCE);
}

const file = await readGolden("ops");
for (const { name, op, mode } of (await readGoldenJson("ops")).cases) {
  if (op !== "cross_entropy") continue;
  test(`cross-entropy gives the recorded results of ${name} (${mode})`, async (gpu) => {
    const { data: logits, shape: [rows, heads] } = file.get(`${name}/logits`);
    const closed = file.get(`${name}/closed`).data;
    const open = new Set([...closed.keys()].filter((head) => closed[head] === 0));
    const { loss, gradLogits } = await compute(gpu, {
      logits,
      heads,
      labels: [...file.get(`${name}/labels`).data],
      weights: Array(rows).fill(1 / rows),
      maskOf: Array(rows).fill(0),
      masks: [open],
    });
    assertClose("recorded loss", [loss], file.get(`${name}/loss`).data, TOLERANCE);
    assertClose("recorded gradient", gradLogits, file.get(`${name}/glogits`).data, TOLERANCE);
  });
}

test("cross-entropy agrees with the twin on random rows, heads, weights and masks", async (gpu) => {
  for (let seed = 0; seed < 16; seed++) {
    const random = Random.stream(seed, "cross-entropy test");
    // Past 32 heads a mask takes a second word, past 64 rows a thread a second row.
    const heads = seed % 3 === 0 ? 31 + random.below(70) : 1 + random.below(12);
    const rows = 1 + random.below(seed % 4 === 0 ? 150 : 20);
    const labels = Array.from({ length: rows }, () => random.below(heads));
    const maskOf = labels.map(() => random.below(3));
    const masks = [0, 1, 2].map((mask) =>
      new Set(
        [...Array(heads).keys()].filter((head) =>
          random.below(mask + 1) === 0 || labels.some((l, i) => l === head && maskOf[i] === mask)
        ),
      )
    );
    const deviation = seed % 2 ? 3 : 30;
    const logits = normals(random, rows * heads, { deviation });
    const weights = labels.map(() => Math.fround(random.uniform()));
    await check(gpu, { logits, heads, labels, weights, maskOf, masks });
  }
});

test("cross-entropy of huge logits is finite and right", async (gpu) => {
  const logits = Float64Array.of(1e30, 0, -1e30, 88, 1000, 999.5, -1e9, -1e9, -1e9);
  const all = new Set([0, 1, 2]);
  const problem = { logits, heads: 3, maskOf: [0, 0, 0], masks: [all] };
  await check(gpu, { ...problem, labels: [0, 1, 2], weights: [1, 1, 1] });
  await check(gpu, { ...problem, labels: [1, 0, 0], weights: [1, 0.5, 0] });
  // Beyond what the twin can tell from rounding: three equal logits.
  const equal = { ...problem, logits: new Float64Array(3).fill(-1e38), maskOf: [0] };
  const { loss, gradLogits } = await compute(gpu, { ...equal, labels: [1], weights: [1] });
  assertClose("cross-entropy of equal heads", [loss], [Math.log(3)], TOLERANCE);
  assertClose("cross-entropy gradient", gradLogits, [1 / 3, -2 / 3, 1 / 3], TOLERANCE);
});

test("a closed head gets no gradient however large its logit is", async (gpu) => {
  const logits = Float64Array.of(1e20, 1, 2, 3e38);
  const open = new Set([1, 2]);
  const problem = { logits, heads: 4, labels: [2], weights: [1], maskOf: [0], masks: [open] };
  const { gradLogits } = await compute(gpu, problem);
  assert.equal(gradLogits[0], 0);
  assert.equal(gradLogits[3], 0);
  await check(gpu, problem);
});

test("the record of a batch refuses rows, masks and labels it has no room for", async (gpu) => {
  await Workbench.with(gpu, (bench) => {
    const batch = new BatchRecord(bench.arena, { maxRows: 2, maxMasks: 1, heads: 3 });
    const header = { lossSlot: 0, learningRate: 0.1 };
    const open = new Set([0]);
    assert.throws(() => batch.write(header, [plainRow, plainRow, plainRow], [open]), RangeError);
    assert.throws(() => batch.write(header, [plainRow], [open, open]), RangeError);
    for (const label of [3, -1]) {
      assert.throws(
        () => batch.write(header, [{ ...plainRow, label }], [open]),
        /there are 3 heads/,
      );
    }
    return Promise.resolve();
  });
});
