import type { Resize } from "../images/source.ts";
import type { RgbImage } from "../images/rgb_image.ts";
import { coverLanczos, resizeLanczos } from "../images/resize_lanczos.ts";
import { resizeOpencv, roundHalfEven } from "./resize_opencv.ts";
import { resizeSkimage } from "./resize_skimage.ts";

/** RGB bytes `[size, size, 3]` of an image of any size. */
export function resizeImage(
  image: RgbImage,
  size: number,
  how: Exclude<Resize, "none">,
): Uint8Array<ArrayBuffer> {
  switch (how) {
    case "lanczos":
      return resizeLanczos(image, size);
    case "cover":
      return coverLanczos(image, size);
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
