import { coverLanczos, InputError, withoutAlpha } from "../../src/core.ts";
import type { GivenPicture } from "../messages.ts";

/** Larger ones are halved by the browser first: a phone's photograph need not be filtered whole. */
const MOST_PIXELS = 2 ** 24;

/**
 * A picture as the network has it: upright, the square in the centre, resized as the command line does.
 *
 * @returns RGB bytes, `[size, size, 3]`.
 * @throws {InputError} for a file that the browser cannot decode.
 */
export async function readPicture(
  { image, from }: GivenPicture,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (image instanceof Uint8Array) return image;
  const bitmap = image instanceof Blob ? await decode(image, from) : image;
  try {
    const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
    const width = Math.max(1, Math.round(bitmap.width * scale));
    const height = Math.max(1, Math.round(bitmap.height * scale));
    const context = new OffscreenCanvas(width, height)
      .getContext("2d", { willReadFrequently: true, colorSpace: "srgb" })!;
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    return coverLanczos({ width, height, pixels: withoutAlpha(data) }, size);
  } finally {
    bitmap.close();
  }
}

async function decode(file: Blob, from: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, {
      imageOrientation: "from-image",
      colorSpaceConversion: "none",
    });
  } catch {
    throw new InputError(`Cannot read ${from}: it is no picture that this browser decodes`);
  }
}
