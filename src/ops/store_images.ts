import storeImagesCode from "../../shaders/store_images.wgsl" with { type: "text" };
import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";
import { shader } from "./shader.ts";

/** Its kernel. */
export const storeImagesKernel = shader("store_images", storeImagesCode);

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
  return dispatch({
    kernel: storeImagesKernel,
    label: `source ${source}`,
    uniform: { rows, area, source },
    buffers: { batch, images, memory },
    workgroups: [groupsOf64(rows * area)],
  });
}
