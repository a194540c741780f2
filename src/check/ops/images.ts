import { augmentKernels, recordAugment } from "../../ops/augment.ts";
import { BatchRecord, type BatchRow } from "../../ops/batch_record.ts";
import { recordStoreImages, storeImagesKernel } from "../../ops/store_images.ts";
import { augment } from "../../reference/augment.ts";
import type { Shape4 } from "../../reference/conv2d.ts";
import { toNhwc, toPixelWords } from "../../reference/layout.ts";
import { defineOp, known, type OpRecord } from "../define_op.ts";
import type { Operands } from "../operands.ts";

/** A batch of images `[rows, height, width]`. */
interface ImagesShape {
  readonly rows: number;
  readonly height: number;
  readonly width: number;
  readonly padding: number;
}

function imagesRecord(
  about: Pick<OpRecord<ImagesShape>, "name" | "summary" | "kernels" | "activations">,
  perPixel: { readonly flops: number; readonly bytes: number },
): Omit<OpRecord<ImagesShape>, "prepare"> {
  return {
    ...about,
    // Only square images are turned.
    small: () => [
      { rows: 23, height: 5, width: 7, padding: 2 },
      { rows: 13, height: 6, width: 6, padding: 1 },
    ],
    ofNetwork: ({ size, batch }) => [
      {
        ...{ layer: "images", layers: 1 },
        shape: { rows: batch, height: size, width: size, padding: 4 },
      },
    ],
    sizes: ({ rows, height, width }) => ({ batch: rows, height, width }),
    cost: ({ rows, height, width }) => ({
      flops: perPixel.flops * rows * height * width,
      bytes: perPixel.bytes * rows * height * width,
    }),
  };
}

const source = 1;

/** A store of a few images, and rows that name them, every fourth from another store, every third with a slot. */
function prepareRows(operands: Operands, { rows, height, width, padding }: ImagesShape) {
  const [count, capacity] = [4, Math.ceil(rows / 3) + 1];
  const area = height * width;
  const bytes = Uint8Array.from({ length: count * area * 3 }, () => operands.below(256));
  const records = Array.from({ length: rows }, (_, i): BatchRow => ({
    source: i % 4 === 0 ? 0 : source,
    index: operands.below(count),
    top: operands.below(2 * padding + 1),
    left: operands.below(2 * padding + 1),
    flip: operands.below(2) === 1,
    turns: height === width ? operands.below(4) : 0,
    ...{ label: 0, mask: 0, weight: 0 },
    // From the last slot on down.
    slot: i % 3 === 0 ? capacity - 1 - i / 3 : -1,
  }));
  const batch = new BatchRecord(operands.arena, { maxRows: rows, maxMasks: 1, heads: 1 });
  batch.write({ lossSlot: 0, learningRate: 0 }, records, []);
  return {
    ...{ records, capacity, area, batch: batch.tensor },
    images: operands.tensor("images", toPixelWords(bytes), "u32"),
    image: (index: number) => bytes.subarray(index * area * 3, (index + 1) * area * 3),
  };
}

/** Crops, mirrors and normalises images into the input of the network; rows of another store are left alone. */
export const augmentOp = defineOp<ImagesShape>({
  ...imagesRecord(
    {
      name: "augment",
      summary: "the network's input: images cropped, mirrored, turned and normalised",
      kernels: Object.values(augmentKernels),
      activations: true,
    },
    { flops: 6, bytes: 20 },
  ),
  prepare: (operands, given, stored) => {
    const { rows, height, width, padding } = given;
    const { records, batch, images, image, area } = prepareRows(operands, given);
    const [mean, std] = [[0.49, 0.48, 0.45] as const, [0.25, 0.24, 0.26] as const];
    const shape: Shape4 = [rows, 3, height, width];
    const untouched = 7;
    const expected = new Float64Array(rows * 3 * area).fill(untouched);
    const options = { height, width, padding, mean, deviation: std };
    records.forEach((record, row) => {
      if (record.source !== source) return;
      expected.set(augment(image(record.index), [record], options), row * 3 * area);
    });
    const before = toNhwc(new Float64Array(expected.length).fill(untouched), shape);
    const input = operands.output("input", before, stored);
    const dispatch = recordAugment({
      ...{ rows, source, batch, images, height, width, padding, mean, std, input },
    });
    return {
      dispatches: () => [dispatch],
      outputs: [known(
        operands,
        "input",
        input,
        toNhwc(expected, shape),
        (at) => ({
          n: Math.floor(at / 4 / area),
          y: Math.floor(at / 4 / width) % height,
          x: Math.floor(at / 4) % width,
          c: at % 4,
        }),
      )],
    };
  },
});

/** Copies images that a memory keeps into their slots. */
export const storeImages = defineOp<ImagesShape>({
  ...imagesRecord(
    {
      name: "store_images",
      summary: "copies images that a memory keeps",
      kernels: [storeImagesKernel],
    },
    { flops: 0, bytes: 8 },
  ),
  exact: true,
  prepare: (operands, given) => {
    const { records, batch, images, image, area, capacity } = prepareRows(operands, given);
    const before = Uint32Array.from({ length: capacity * area }, () => operands.below(2 ** 32));
    const expected = before.slice();
    records.forEach(({ source: of, index, slot }) => {
      if (of === source && slot >= 0) expected.set(toPixelWords(image(index)), slot * area);
    });
    const memory = operands.output("memory", before, "u32");
    return {
      dispatches: () => [
        recordStoreImages({ rows: given.rows, source, area, batch, images, memory }),
      ],
      outputs: [known(
        operands,
        "memory",
        memory,
        expected,
        (at) => ({ slot: Math.floor(at / area), pixel: at % area }),
      )],
    };
  },
});
