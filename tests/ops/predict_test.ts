/** Counted predictions against the twin's arg max. */

import assert from "node:assert/strict";
import { BatchRecord } from "../../src/ops/batch_record.ts";
import { recordPredict } from "../../src/ops/predict.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { Random } from "../../src/random.ts";
import { argmax } from "../../src/reference/argmax.ts";
import { gpuTests, Workbench } from "../support/gpu.ts";
import { normals, toNhwc } from "../../src/reference/layout.ts";

const test = await gpuTests();

async function compute(
  gpu: Gpu,
  logits: ArrayLike<number>,
  heads: number,
  labels: number[],
  masks: ReadonlySet<number>[],
): Promise<number[]> {
  let result: number[] = [];
  await Workbench.with(gpu, async (bench) => {
    const rows = labels.length;
    const row = { source: 0, index: 0, top: 0, left: 0, flip: false, mask: 0, weight: 0, slot: -1 };
    const batch = new BatchRecord(bench.arena, { maxRows: rows, maxMasks: 4, heads });
    batch.write(
      { lossSlot: 0, learningRate: 0 },
      labels.map((label) => ({ ...row, label })),
      masks,
    );
    const counts = bench.u32(new Uint32Array(masks.length * heads * heads));
    const padded = toNhwc(logits, [rows, heads, 1, 1]);
    const given = bench.f32(padded.map((v, i) => i % (padded.length / rows) < heads ? v : 1e30));
    await bench.run(masks.map((_, mask) =>
      recordPredict({
        rows,
        heads,
        mask,
        offset: mask * heads,
        batch: batch.tensor,
        logits: given,
        counts,
      })
    ));
    result = [...(await bench.read(counts))[0]];
  });
  return result;
}

function twin(
  logits: ArrayLike<number>,
  heads: number,
  labels: number[],
  masks: ReadonlySet<number>[],
): number[] {
  const counts = Array(masks.length * heads * heads).fill(0);
  masks.forEach((open, mask) => {
    const allowed = Array.from({ length: heads }, (_, head) => open.has(head));
    argmax(logits, heads, allowed).forEach((head, row) => {
      if (head >= 0) counts[(mask * heads + labels[row]) * heads + head]++;
    });
  });
  return counts;
}

test("predictions are counted by label and head, for each mask", async (gpu) => {
  for (let seed = 0; seed < 12; seed++) {
    const random = Random.stream(seed, "predict test");
    const heads = seed % 3 ? 1 + random.below(11) : 33 + random.below(60);
    const rows = 1 + random.below(200);
    // Few different values, so that ties are frequent; all of them negative now and then.
    const logits = normals(random, rows * heads, { mean: seed % 2 ? -9 : 0 }).map(Math.round);
    const labels = Array.from({ length: rows }, () => random.below(heads));
    const masks = [0, 1, 2].map((kind) =>
      new Set([...Array(heads).keys()].filter(() => kind === 0 || random.below(2 * kind) === 0))
    );
    const found = await compute(gpu, logits, heads, labels, masks);
    assert.deepEqual(found, twin(logits, heads, labels, masks));
  }
});

test("of equal logits the first open head is predicted", async (gpu) => {
  const counts = await compute(gpu, [5, 5, 5, 1, 7, 7], 3, [2, 0], [
    new Set([0, 1, 2]),
    new Set([1, 2]),
  ]);
  assert.deepEqual(counts, [
    ...[0, 1, 0, 0, 0, 0, 1, 0, 0],
    ...[0, 1, 0, 0, 0, 0, 0, 1, 0],
  ]);
});

test("a row with an open logit that is no number is not counted", async (gpu) => {
  const masks = [new Set([0, 1, 2]), new Set([0, 1])];
  const found = await compute(gpu, [1, 2, NaN, NaN, 3, 4, 5, -Infinity, 6], 3, [0, 1, 2], masks);
  assert.deepEqual(found, [
    ...[0, 0, 0, 0, 0, 0, 0, 0, 1],
    ...[0, 1, 0, 0, 0, 0, 1, 0, 0],
  ]);
});

test("where no head is open nothing is predicted", async (gpu) => {
  assert.deepEqual(await compute(gpu, [1, 2], 2, [0], [new Set()]), [0, 0, 0, 0]);
});
