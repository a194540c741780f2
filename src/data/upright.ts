import type { RgbImage } from "../images/rgb_image.ts";
import type { Orientation } from "./exif.ts";

/**
 * The image as it is to be seen, given how its pixels lie. From 5 on, height and width change places.
 *
 * @returns The image itself where nothing is to be done.
 */
export function upright(image: RgbImage, orientation: Orientation): RgbImage {
  if (orientation === 1) return image;
  const { height, width, pixels } = image;
  // Where the first pixel of the result is stored, and how far from it its neighbours to the right and below are.
  const right = width - 1;
  const bottom = (height - 1) * width;
  const [first, across, down] = {
    2: [right, -1, width],
    3: [bottom + right, -1, -width],
    4: [bottom, 1, -width],
    5: [0, width, 1],
    6: [bottom, -width, 1],
    7: [bottom + right, -width, -1],
    8: [right, width, -1],
  }[orientation];
  const [rows, columns] = orientation < 5 ? [height, width] : [width, height];
  const turned = new Uint8Array(pixels.length);
  for (let y = 0, to = 0; y < rows; y++) {
    for (let x = 0, from = 3 * (first + y * down); x < columns; x++, from += 3 * across, to += 3) {
      turned[to] = pixels[from];
      turned[to + 1] = pixels[from + 1];
      turned[to + 2] = pixels[from + 2];
    }
  }
  return { height: rows, width: columns, pixels: turned };
}
