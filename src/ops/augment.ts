import augmentCode from "../../shaders/augment.wgsl" with { type: "text" };
import batchLibrary from "../../shaders/lib/batch.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import { type Dispatch, words } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";
import { bothStorages, storedAs } from "./storage.ts";

const augment = bothStorages((suffix, storage) =>
  defineKernel({
    name: `augment${suffix}`,
    code: augmentCode,
    library: [batchLibrary, storage],
    bindings: { dims: "uniform", batch: "read", images: "read", input: "write" },
  })
);

/** Size of the images, and how they become network input. */
export interface AugmentOptions {
  readonly height: number;
  readonly width: number;
  /** Zero padding on each side before the crop, in pixels. */
  readonly padding: number;
  /** Normalisation, per channel, in units of 0..1. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/**
 * Fills rows of the network input `[rows, height, width, 4]` (fourth channel 0) from the store `images`
 * `[count, height, width]` (RGBA8 in u32): those rows whose record names `source`. Pads, crops, mirrors, scales to 0..1
 * and normalises, in this order, as the official train transform does; an offset of `padding` and no mirroring is the
 * test transform.
 */
export function recordAugment(
  options: AugmentOptions & {
    readonly rows: number;
    readonly source: number;
    readonly batch: Tensor;
    readonly images: Tensor;
    readonly input: Tensor;
  },
): Dispatch {
  const { rows, height, width, padding, source, mean, std, batch, images, input } = options;
  const f32 = (value: number) => ({ f32: value });
  return {
    kernel: augment[storedAs(input)],
    label: `source ${source}`,
    uniform: words(
      ...[rows, height, width, padding, source, 0, 0, 0],
      ...[...mean.map(f32), 0],
      ...std.map((s) => f32(1 / s)),
    ),
    buffers: [batch, images, input],
    workgroups: [groupsOf64(rows * height * width)],
  };
}
