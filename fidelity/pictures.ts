import type { ImageSet } from "../src/images/image_set.ts";
import { InputError } from "../src/errors.ts";
import type { OfficialRecording } from "./official_recording.ts";

/** Channel means and deviations of CIFAR-10 in the official program, where a recording names none. */
const cifar10 = { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2615] } as const;

type Triple = readonly [number, number, number];

/** Normalisation of a recording's pictures. */
export function normalisation({ json }: OfficialRecording): { mean: Triple; std: Triple } {
  return { mean: json?.mean ?? cifar10.mean, std: json?.std ?? cifar10.std };
}

/**
 * Recorded pictures `[count, 3, height, width]`, as bytes or as multiples of 1/255, as images.
 *
 * @throws {InputError} for values that are no bytes.
 */
export function imagesOf(
  recording: OfficialRecording,
  tensor: string,
  labels: ArrayLike<number>,
): ImageSet {
  const [count, channels, height, width] = recording.shape(tensor);
  const values = recording.numbers(tensor);
  const scale = recording.tensors.get(tensor)!.dtype === "U8" ? 1 : 255;
  const area = height * width;
  const pixels = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const image = Math.floor(i / (channels * area));
    const byte = Math.round(values[i] * scale);
    if (channels !== 3 || Math.abs(values[i] * scale - byte) > 1e-3) {
      throw new InputError(
        `Cannot check ${recording.name}: ${tensor} does not hold RGB bytes or multiples of 1/255`,
      );
    }
    pixels[(image * area + i % area) * 3 + Math.floor(i / area) % 3] = byte;
  }
  return {
    name: recording.name,
    height,
    width,
    count,
    pixels,
    labels: Uint16Array.from(labels),
    classNames: [],
  };
}

/** Some of the images, in the order of `indices`. */
export function selectImages(
  images: ImageSet,
  indices: readonly number[],
  labels: readonly number[],
): ImageSet {
  const size = images.height * images.width * 3;
  const pixels = new Uint8Array(indices.length * size);
  indices.forEach((index, i) =>
    pixels.set(images.pixels.subarray(index * size, (index + 1) * size), i * size)
  );
  return { ...images, count: indices.length, pixels, labels: Uint16Array.from(labels) };
}

/**
 * Images as the network takes them, `[count, 3, height, width]`: `(byte / 255 - mean) / std`, rounded as PyTorch does.
 */
export function normalised(
  images: ImageSet,
  indices: readonly number[],
  { mean, std }: { mean: Triple; std: Triple },
  mirrored = false,
): Float32Array {
  const { height, width, pixels } = images;
  const area = height * width;
  const f = Math.fround;
  const result = new Float32Array(indices.length * 3 * area);
  indices.forEach((index, row) => {
    for (let c = 0; c < 3; c++) {
      for (let p = 0; p < area; p++) {
        const from = mirrored ? p - p % width + width - 1 - p % width : p;
        const byte = pixels[(index * area + from) * 3 + c];
        result[(row * 3 + c) * area + p] = f(f(f(byte / 255) - f(mean[c])) / f(std[c]));
      }
    }
  });
  return result;
}

/** An image as a memory holds it: one word per pixel, red lowest. */
export function wordsOf(images: ImageSet, index: number): Uint32Array {
  const area = images.height * images.width;
  const { pixels } = images;
  return Uint32Array.from({ length: area }, (_, p) => {
    const at = (index * area + p) * 3;
    return (pixels[at] | (pixels[at + 1] << 8) | (pixels[at + 2] << 16) | 0xff000000) >>> 0;
  });
}
