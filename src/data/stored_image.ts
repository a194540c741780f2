import type { RgbImage } from "../images/rgb_image.ts";
import type { Orientation } from "./exif.ts";

/** An image as it is stored, and how it lies. */
export interface StoredImage extends RgbImage {
  readonly orientation: Orientation;
}
