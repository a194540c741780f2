import type { RgbImage } from "./decode_image.ts";
import { resizeLanczos } from "./resize_lanczos.ts";
import { resizeOpencv, roundHalfEven } from "./resize_opencv.ts";
import { resizeSkimage } from "./resize_skimage.ts";

/**
 * How images of another size become square ones of the size asked for, aspect ratio not kept:
 *
 * - `none`: not at all, another size is an error;
 * - `lanczos`: as Pillow (the official ImageNet-100 and CORe50 transform);
 * - `bilinear`: as OpenCV;
 * - `skimage`: as scikit-image, rounded to bytes (official CORe50 dreams);
 * - `official_cifar100_aux`: bilinear to 256 pixels, then `skimage` (official CIFAR-100 dreams).
 */
export type Resize = "none" | "lanczos" | "bilinear" | "skimage" | "official_cifar100_aux";

/** All values of {@linkcode Resize}. */
export const RESIZES = ["none", "lanczos", "bilinear", "skimage", "official_cifar100_aux"] as const;

/** RGB bytes `[size, size, 3]` of an image of any size. */
export function resizeImage(
  image: RgbImage,
  size: number,
  how: Exclude<Resize, "none">,
): Uint8Array<ArrayBuffer> {
  switch (how) {
    case "lanczos":
      return resizeLanczos(image, size);
    case "bilinear":
      return resizeOpencv(image, size);
    case "skimage":
      return toBytes(resizeSkimage(image, size));
    case "official_cifar100_aux": {
      const pixels = resizeOpencv(image, 256);
      return toBytes(resizeSkimage({ height: 256, width: 256, pixels }, size));
    }
  }
}

function toBytes(values: Float64Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values, (value) => roundHalfEven(255 * value));
}
