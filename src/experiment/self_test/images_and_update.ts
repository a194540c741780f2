import { augment } from "../../reference/augment.ts";
import type { Shape4 } from "../../reference/conv2d.ts";
import { largestMagnitude } from "../../reference/largest.ts";
import { sgdStep } from "../../reference/sgd.ts";
import { fromNhwc, normals, toNhwc, toPixelWords } from "../../reference/layout.ts";
import { recordAugment } from "../../ops/augment.ts";
import { BatchRecord, type BatchRow } from "../../ops/batch_record.ts";
import { recordLargest } from "../../ops/largest.ts";
import { recordSgd } from "../../ops/sgd.ts";
import { recordStoreImages } from "../../ops/store_images.ts";
import { Random } from "../../random.ts";
import type { CaseTensors, KernelCase } from "./case.ts";

/** Augmentation, and the copies into a memory: rows of another source must be left alone. */
export function imageCases(tensors: CaseTensors): KernelCase[] {
  const random = Random.stream(0, "self-test images");
  const [height, width, padding] = [5, 7, 2];
  const area = height * width;
  const [count, rows, capacity, source] = [4, 23, 9, 1];
  const mean = [0.49, 0.48, 0.45] as const;
  const std = [0.25, 0.24, 0.26] as const;
  const bytes = Uint8Array.from({ length: count * area * 3 }, () => random.below(256));
  const slots = random.permutation(capacity);
  const records = Array.from({ length: rows }, (_, i): BatchRow => ({
    source: i % 4 === 0 ? 0 : source,
    index: random.below(count),
    top: random.below(2 * padding + 1),
    left: random.below(2 * padding + 1),
    flip: random.below(2) === 1,
    label: 0,
    mask: 0,
    weight: 0,
    slot: i % 3 === 0 ? slots[i / 3] : -1,
  }));
  const batch = new BatchRecord(tensors.arena, { maxRows: rows, maxMasks: 1, heads: 1 });
  batch.write({ lossSlot: 0, learningRate: 0 }, records, []);

  const image = (index: number) => bytes.subarray(index * area * 3, (index + 1) * area * 3);
  const shape: Shape4 = [rows, 3, height, width];
  const untouched = 7;
  const expected = augment(records.flatMap(({ index }) => [...image(index)]), records, {
    height,
    width,
    padding,
    mean,
    deviation: std,
  });
  const remembered = Uint32Array.from({ length: capacity * area }, () => random.uint32());
  const memory = tensors.u32(remembered);
  records.forEach(({ source: of, index, slot }, row) => {
    if (of !== source) expected.fill(untouched, row * 3 * area, (row + 1) * 3 * area);
    else if (slot >= 0) remembered.set(toPixelWords(image(index)), slot * area);
  });

  const images = tensors.u32(toPixelWords(bytes));
  const input = tensors.stored(toNhwc(new Float64Array(rows * 3 * area).fill(untouched), shape));
  const common = { rows, source, batch: batch.tensor, images };
  return [
    {
      dispatch: recordAugment({ ...common, height, width, padding, mean, std, input }),
      outputs: [{ tensor: input, expected, read: (values) => fromNhwc(values, shape) }],
    },
    {
      dispatch: recordStoreImages({ ...common, area, memory }),
      outputs: [{ tensor: memory, expected: remembered }],
      exact: true,
    },
  ];
}

/** The watch over gradients: the largest magnitudes, as bits. */
export function watchCases(tensors: CaseTensors): KernelCase[] {
  const random = Random.stream(0, "self-test watch");
  const length = 4 * 300;
  const mask = Array.from({ length: length / 4 }, () => random.below(2));
  const [gradient, value] = [0, 0].map(() => Float32Array.from(normals(random, length)));
  const masked = mask.indexOf(0) * 4;
  gradient[masked] = 1e9;
  value[masked] = Infinity;
  const result = tensors.u32([0, 0]);
  const dispatch = recordLargest({
    gradients: tensors.f32(gradient),
    values: tensors.f32(value),
    mask: tensors.u32(mask),
    result,
  });
  const expected = [gradient, value].map((values) => largestMagnitude(values, mask));
  const bits = new Uint32Array(Float32Array.from(expected).buffer);
  return [{ dispatch, outputs: [{ tensor: result, expected: bits }], exact: true }];
}

/** The update: plain, with momentum, with Nesterov's; half of the values frozen. */
export function updateCases(tensors: CaseTensors): KernelCase[] {
  const random = Random.stream(0, "self-test update");
  const length = 4 * 77;
  const learningRate = 0.1;
  const batch = new BatchRecord(tensors.arena, { maxRows: 1, maxMasks: 1, heads: 1 });
  batch.write({ lossSlot: 0, learningRate }, [], []);
  const kinds = [
    { momentum: 0, weightDecay: 0.01, nesterov: false },
    { momentum: 0.9, weightDecay: 0.01, nesterov: false },
    { momentum: 0.9, weightDecay: 0, nesterov: true },
  ];
  return kinds.map((options): KernelCase => {
    const mask = Array.from({ length: length / 4 }, () => random.below(2));
    const frozen = Array.from({ length }, (_, i) => mask[i >> 2] === 0);
    const [value, gradient, velocity] = [0, 0, 0].map(() => normals(random, length));
    const after = sgdStep(value, gradient, velocity, { ...options, learningRate, frozen });
    const values = tensors.f32(value);
    const velocities = tensors.f32(velocity);
    return {
      dispatch: recordSgd({
        ...options,
        batch: batch.tensor,
        gradients: tensors.f32(gradient),
        mask: tensors.u32(mask),
        values,
        velocities,
      }),
      outputs: [
        { tensor: values, expected: after.value },
        // Without momentum the kernel keeps no velocities.
        {
          tensor: velocities,
          expected: options.momentum > 0 ? after.velocity : velocity,
        },
      ],
    };
  });
}
