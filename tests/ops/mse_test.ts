/** The distillation term and the remembered logits against the twin. */

import assert from "node:assert/strict";
import { BatchRecord, type BatchRow } from "../../src/ops/batch_record.ts";
import { recordMse } from "../../src/ops/mse.ts";
import { recordStoreLogits } from "../../src/ops/store_logits.ts";
import { Random } from "../../src/random.ts";
import { assertClose } from "../support/assert_close.ts";
import { readGolden } from "../support/golden.ts";
import { meanSquaredError } from "../../src/reference/mse.ts";
import { assertSameBits, gpuTests, Workbench } from "../support/gpu.ts";
import { fromNhwc, normals, padded, toNhwc } from "../../src/reference/layout.ts";
import type { Gpu } from "../../src/gpu/device.ts";

const test = await gpuTests();
const TOLERANCE = 2e-6;

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

interface Problem {
  heads: number;
  logits: Float64Array;
  targets: Float64Array;
  /** For each row the slot of its target, or -1. */
  slots: number[];
  weight: number;
  /** What loss and gradient are before. */
  before: number;
  /** Heads in the softmax, where only the others are held; absent: all are held. */
  open?: ReadonlySet<number>;
}

async function compute(
  gpu: Gpu,
  { heads, logits, targets, slots, weight, before, open }: Problem,
): Promise<{ loss: number; rowLosses: Float64Array; gradLogits: Float64Array }> {
  const rows = slots.length;
  const wide = (data: Float64Array) =>
    // Padded numbers are never read: a huge one there would show.
    toNhwc(data, [data.length / heads, heads, 1, 1]).map((value, i) =>
      i % padded(heads) < heads ? value : 1e30
    );
  let found;
  await Workbench.with(gpu, async (bench) => {
    const batch = new BatchRecord(bench.arena, { maxRows: rows, maxMasks: 1, heads });
    const records = slots.map((slot) => ({
      ...plainRow,
      target: slot < 0 ? undefined : { slot, weight },
    }));
    batch.write({ lossSlot: 1, learningRate: 0 }, records, open ? [open] : []);
    const gLogits = bench.f32(
      toNhwc(logits.map(() => before), [rows, heads, 1, 1]),
    );
    const rowLosses = bench.f32(slots.map(() => before));
    const losses = bench.f32([before, before, before]);
    await bench.run([recordMse({
      rows,
      heads,
      over: open && "closed",
      batch: batch.tensor,
      logits: bench.f32(wide(logits)),
      targets: bench.f32(wide(targets)),
      gLogits,
      rowLosses,
      losses,
    })]);
    const [g, perRow, all] = await bench.read(gLogits, rowLosses, losses);
    assert.deepEqual([all[0], all[2]], [before, before], "other steps' losses");
    found = {
      loss: all[1],
      rowLosses: Float64Array.from(perRow),
      gradLogits: fromNhwc(g, [rows, heads, 1, 1]),
    };
  });
  return found!;
}

test("mse agrees with the recorded official one", async (gpu) => {
  const golden = await readGolden("ops");
  const x = golden.get("mse/00/x");
  const [rows, heads] = x.shape;
  const { loss, gradLogits } = await compute(gpu, {
    heads,
    logits: Float64Array.from(x.data),
    targets: Float64Array.from(golden.get("mse/00/target").data),
    slots: Array.from({ length: rows }, (_, row) => row),
    weight: 1 / (rows * heads),
    before: 0,
  });
  assertClose("mse recorded loss", [loss], golden.get("mse/00/loss").data, TOLERANCE);
  assertClose("mse recorded gradient", gradLogits, golden.get("mse/00/gx").data, TOLERANCE);
});

for (const [rows, heads] of [[1, 1], [3, 5], [65, 7], [130, 10], [40, 103]]) {
  test(`mse adds to loss and gradient as the twin: ${rows} rows, ${heads} heads`, async (gpu) => {
    const random = Random.stream(rows, "mse test");
    const targets = normals(random, 9 * heads, { deviation: 3 });
    const logits = normals(random, rows * heads, { deviation: 3 });
    // Every third row has no target; slots are out of order and some are drawn twice.
    const slots = Array.from({ length: rows }, (_, row) => row % 3 === 1 ? -1 : (row * 5) % 9);
    const held = slots.flatMap((slot, row) => slot < 0 ? [] : [row]);
    const rowsOf = (data: Float64Array, which: number[]) =>
      Float64Array.from(which.flatMap((row) => [...data.subarray(row * heads, (row + 1) * heads)]));
    const alpha = 0.3;
    const twin = meanSquaredError(
      rowsOf(logits, held),
      rowsOf(targets, held.map((row) => slots[row])),
    );
    const weight = Math.fround(alpha / (held.length * heads));
    const found = await compute(gpu, { heads, logits, targets, slots, weight, before: 0.5 });
    assertClose("mse loss", [found.loss], [0.5 + alpha * twin.loss], TOLERANCE);
    const expected = new Float64Array(rows * heads).fill(0.5);
    held.forEach((row, i) => {
      for (let h = 0; h < heads; h++) {
        expected[row * heads + h] += alpha * twin.gradInput[i * heads + h];
      }
    });
    assertClose("mse gradient", found.gradLogits, expected, TOLERANCE);
    const rowSum = found.rowLosses.reduce((sum, loss) => sum + loss - 0.5, 0.5);
    assertClose("mse row losses", [rowSum], [found.loss], TOLERANCE);
  });
}

for (const [rows, heads] of [[1, 1], [7, 5], [33, 130]]) {
  test(`logits are remembered bit by bit: ${rows} rows, ${heads} heads`, async (gpu) => {
    const random = Random.stream(rows, "store logits test");
    const width = padded(heads);
    const logits = Float32Array.from(normals(random, rows * width));
    const before = Float32Array.from(normals(random, (rows + 2) * width));
    const slots = Array.from({ length: rows }, (_, row) => row % 4 === 2 ? -1 : rows + 1 - row);
    await Workbench.with(gpu, async (bench) => {
      const batch = new BatchRecord(bench.arena, { maxRows: rows, maxMasks: 1, heads });
      batch.write(
        { lossSlot: 0, learningRate: 0 },
        slots.map((slot) => ({ ...plainRow, slot })),
        [],
      );
      const memory = bench.f32(before);
      const source = { ...bench.f32(logits), shape: [rows, width] };
      await bench.run([recordStoreLogits({ rows, batch: batch.tensor, logits: source, memory })]);
      const expected = before.slice();
      slots.forEach((slot, row) => {
        if (slot >= 0) expected.set(logits.subarray(row * width, (row + 1) * width), slot * width);
      });
      const [found] = await bench.read(memory);
      assertSameBits(found, expected, "remembered logits");
    });
  });
}

for (const [rows, heads] of [[3, 5], [70, 10], [9, 40]]) {
  test(`mse over closed heads leaves the open ones alone: ${rows} rows, ${heads} heads`, async (gpu) => {
    const random = Random.stream(rows, "mse closed");
    const targets = normals(random, 4 * heads, { deviation: 3 });
    const logits = normals(random, rows * heads, { deviation: 3 });
    const slots = Array.from({ length: rows }, (_, row) => row % 5 - 1);
    const open = new Set(Array.from({ length: heads }, (_, h) => h).filter((h) => h % 3 !== 1));
    const [weight, before] = [0.3, 2];
    const found = await compute(gpu, { heads, logits, targets, slots, weight, before, open });
    const gradient = new Float64Array(rows * heads).fill(before);
    const rowLosses = slots.map(() => before);
    slots.forEach((slot, row) => {
      for (let h = 0; slot >= 0 && h < heads; h++) {
        if (open.has(h)) continue;
        const distance = logits[row * heads + h] - targets[slot * heads + h];
        rowLosses[row] += weight * distance ** 2;
        gradient[row * heads + h] += 2 * weight * distance;
      }
    });
    const loss = before + rowLosses.reduce((sum, value) => sum + value - before, 0);
    assertClose("closed gradient", found.gradLogits, gradient, TOLERANCE);
    assertClose("closed row losses", found.rowLosses, rowLosses, TOLERANCE);
    assertClose("closed loss", [found.loss], [loss], TOLERANCE);
  });
}
