import { imagePixels, type ImageSet } from "./image_set.ts";

/** Three numbers, of red, green and blue. */
export type Triple = readonly [number, number, number];

/** Mean and standard deviation of each channel over all pixels of all images, of values between 0 and 1. */
export function pixelStatistics(images: ImageSet): { readonly mean: Triple; readonly std: Triple } {
  // How often each byte occurs is counted, so that nothing is lost in long sums.
  const histogram = new Float64Array(3 * 256);
  for (let image = 0; image < images.count; image++) {
    const pixels = imagePixels(images, image);
    for (let i = 0; i < pixels.length; i += 3) {
      histogram[pixels[i]]++;
      histogram[256 + pixels[i + 1]]++;
      histogram[512 + pixels[i + 2]]++;
    }
  }
  const count = images.count * images.height * images.width;
  const average = (channel: number, of: (value: number) => number) => {
    let sum = 0;
    for (let byte = 0; byte < 256; byte++) sum += histogram[256 * channel + byte] * of(byte / 255);
    return sum / count;
  };
  const mean = [0, 1, 2].map((channel) => average(channel, (value) => value));
  const std = [0, 1, 2].map((channel) =>
    Math.sqrt(average(channel, (value) => (value - mean[channel]) ** 2))
  );
  return { mean: mean as unknown as Triple, std: std as unknown as Triple };
}
