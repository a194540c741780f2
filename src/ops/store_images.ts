import batchLibrary from "../../shaders/lib/batch.wgsl" with { type: "text" };
import storeImagesCode from "../../shaders/store_images.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import { type Dispatch, words } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";

const storeImages = defineKernel({
  name: "store_images",
  code: storeImagesCode,
  library: [batchLibrary],
  bindings: { dims: "uniform", batch: "read", images: "read", memory: "write" },
});

/**
 * Copies the images of those rows of a batch that have a memory slot from the store `images` into `memory`, both
 * `[count, height, width]` RGBA8, as bytes before augmentation.
 */
export function recordStoreImages(options: {
  readonly rows: number;
  /** Pixels per image. */
  readonly area: number;
  readonly source: number;
  readonly batch: Tensor;
  readonly images: Tensor;
  readonly memory: Tensor;
}): Dispatch {
  const { rows, area, source, batch, images, memory } = options;
  return {
    kernel: storeImages,
    label: `source ${source}`,
    uniform: words(rows, area, source, 0),
    buffers: [batch, images, memory],
    workgroups: [groupsOf64(rows * area)],
  };
}
