/** The kernels that read image bytes: augmentation and the copies into a memory. */

import assert from "node:assert/strict";
import { type AugmentOptions, recordAugment } from "../../src/ops/augment.ts";
import { BatchRecord, type BatchRow } from "../../src/ops/batch_record.ts";
import { recordStoreImages } from "../../src/ops/store_images.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { Random } from "../../src/random.ts";
import { augment } from "../../src/reference/augment.ts";
import type { Shape4 } from "../../src/reference/conv2d.ts";
import type { StoredType } from "../../src/ops/storage.ts";
import { assertSameBits, assertStored, gpuTests, Workbench } from "../support/gpu.ts";
import { fromNhwc, nhwcLength, toPixelWords } from "../../src/reference/layout.ts";

const test = await gpuTests();
/** Of values of size 1: some roundings of an f32. */
const TOLERANCE = 2e-7;

interface Options extends Omit<AugmentOptions, "mean" | "std"> {
  mean: [number, number, number];
  std: [number, number, number];
}

/** Two stores of random bytes, and rows that take from either. */
function problem(seed: number, options: Options, rows: number) {
  const random = Random.stream(seed, "images test");
  const size = options.height * options.width * 3;
  const counts = [5, 3];
  const stores = counts.map((count) =>
    Uint8Array.from({ length: count * size }, () => random.below(256))
  );
  const offset = () => random.below(2 * options.padding + 1);
  const records = Array.from({ length: rows }, (): BatchRow => {
    const source = random.below(2);
    return {
      source,
      index: random.below(counts[source]),
      top: offset(),
      left: offset(),
      flip: random.below(2) === 1,
      turns: options.height === options.width ? random.below(4) : 0,
      label: 0,
      mask: 0,
      weight: 0,
      slot: -1,
    };
  });
  return { stores, records, size };
}

async function computeInput(
  gpu: Gpu,
  options: Options,
  stores: Uint8Array[],
  records: BatchRow[],
  type: StoredType = "f32",
): Promise<Float64Array> {
  const shape: Shape4 = [records.length, 3, options.height, options.width];
  let result: Float64Array | undefined;
  await Workbench.with(gpu, async (bench) => {
    const rows = records.length;
    const batch = new BatchRecord(bench.arena, { maxRows: rows, maxMasks: 1, heads: 1 });
    batch.write({ lossSlot: 0, learningRate: 0 }, records, []);
    const input = bench.stored(type, nhwcLength(shape));
    await bench.run(stores.map((bytes, source) =>
      recordAugment({
        ...options,
        rows,
        source,
        batch: batch.tensor,
        images: bench.u32(toPixelWords(bytes)),
        input,
      })
    ));
    const [read] = await bench.read(input);
    result = fromNhwc(read, shape);
  });
  return result!;
}

function twin(options: Options, stores: Uint8Array[], records: BatchRow[], size: number) {
  const pixels = records.flatMap(({ source, index }) =>
    Array.from(stores[source].subarray(index * size, (index + 1) * size))
  );
  return augment(pixels, records, { ...options, deviation: options.std });
}

const cifar = { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2615] } as const;

for (
  const [height, width, padding] of [[8, 8, 4], [5, 7, 2], [7, 5, 0], [1, 1, 1], [3, 9, 4]]
) {
  test(`augmentation of ${height}x${width} images, padding ${padding}, agrees with the twin`, async (gpu) => {
    for (let seed = 0; seed < 3; seed++) {
      const options: Options = {
        height,
        width,
        padding,
        mean: [...cifar.mean],
        std: [...cifar.std],
      };
      const { stores, records, size } = problem(seed, options, 33);
      const expected = twin(options, stores, records, size);
      for (const type of ["f32", "f16"] as const) {
        const found = await computeInput(gpu, options, stores, records, type);
        assertStored(type, "augmentation", found, expected, TOLERANCE);
      }
    }
  });
}

test("the corners of the crop show black padding before normalisation", async (gpu) => {
  const options: Options = { height: 4, width: 4, padding: 2, mean: [0.5, 0, 0], std: [1, 1, 1] };
  const white = new Uint8Array(4 * 4 * 3).fill(255);
  const row = { source: 0, index: 0, label: 0, mask: 0, weight: 0, slot: -1 };
  const corners: BatchRow[] = [0, 4].flatMap((top) =>
    [0, 4].flatMap((left) => [false, true].map((flip) => ({ ...row, top, left, flip })))
  );
  const found = await computeInput(gpu, options, [white], corners);
  corners.forEach(({ top, left, flip }, n) => {
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 4; x++) {
        const rowInside = top === 0 ? y >= 2 : y < 2;
        // The mirror image of a crop is a crop of the other side: its padding changes sides too.
        const columnInside = (left === 0) !== flip ? x >= 2 : x < 2;
        const expected = rowInside && columnInside ? 0.5 : -0.5;
        assert.equal(found[(n * 3 * 4 + y) * 4 + x], expected, `row ${n}, pixel ${y}, ${x}`);
      }
    }
  });
});

test("no mirroring and an offset of the padding is the plain image", async (gpu) => {
  const options: Options = { height: 6, width: 6, padding: 3, mean: [0, 0, 0], std: [1, 1, 1] };
  const { stores, size } = problem(9, options, 1);
  const row = { source: 0, index: 4, top: 3, left: 3, label: 0, mask: 0, weight: 0, slot: -1 };
  const found = await computeInput(gpu, options, stores, [{ ...row, flip: false }]);
  const bytes = stores[0].subarray(4 * size);
  for (let i = 0; i < size; i++) {
    // Within one unit in the last place of byte / 255.
    const value = found[(i % 3) * 36 + Math.floor(i / 3)];
    assert(Math.abs(value - bytes[i] / 255) < 1e-7, `byte ${i}`);
    assert.equal(Math.round(value * 255), bytes[i]);
  }
});

test("images reach their slots byte by byte, and nothing else is written", async (gpu) => {
  const options: Options = { height: 5, width: 3, padding: 2, mean: [0, 0, 0], std: [1, 1, 1] };
  const { stores, records, size } = problem(7, options, 20);
  const capacity = 11;
  const random = Random.stream(8, "images test");
  const slots = [...random.permutation(capacity).subarray(0, 7)];
  const rows = records.map((row, i) => ({ ...row, slot: i % 3 === 0 ? slots[i / 3] : -1 }));
  const before = Uint32Array.from({ length: capacity * 15 }, () => random.uint32());
  await Workbench.with(gpu, async (bench) => {
    const batch = new BatchRecord(bench.arena, { maxRows: 20, maxMasks: 1, heads: 1 });
    batch.write({ lossSlot: 0, learningRate: 0 }, rows, []);
    const memory = bench.u32(before);
    await bench.run(stores.map((bytes, source) =>
      recordStoreImages({
        rows: 20,
        area: 15,
        source,
        batch: batch.tensor,
        images: bench.u32(toPixelWords(bytes)),
        memory,
      })
    ));
    const expected = before.slice();
    for (const { slot, source, index } of rows) {
      if (slot < 0) continue;
      const bytes = stores[source].subarray(index * size, (index + 1) * size);
      expected.set(toPixelWords(bytes), slot * 15);
    }
    const [after] = await bench.read(memory);
    assertSameBits(after, expected, "memory");
  });
});
