import augmentCode from "../../shaders/augment.wgsl" with { type: "text" };
import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";
import { shader } from "./shader.ts";
import { bothStorages, storedAs } from "./storage.ts";

/** Its kernels. */
export const augmentKernels = bothStorages((suffix, storage) =>
  shader(`augment${suffix}`, augmentCode, storage)
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
  return dispatch({
    kernel: augmentKernels[storedAs(input)],
    label: `source ${source}`,
    uniform: { rows, height, width, padding, source, mean, inverseStd: std.map((s) => 1 / s) },
    buffers: { batch, images, input },
    workgroups: [groupsOf64(rows * height * width)],
  });
}
