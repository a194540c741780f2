import type { RgbImage } from "../images/rgb_image.ts";

/** Weights are integers, scaled by 2^11. */
const SCALE = 2048;

/** For each place of the output: the two input samples it lies between, and their weights. */
interface Taps {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly lowWeight: Int32Array;
  readonly highWeight: Int32Array;
}

/**
 * Resizes to `size` x `size` pixels by bilinear interpolation between pixel centres, byte for byte as
 * OpenCV's `cv2.resize` with `INTER_LINEAR` does for bytes: weights in fixed point, rows first, then
 * columns. Nothing is smoothed before shrinking, save that a picture of exactly twice the size becomes
 * the mean of 2 x 2 pixels. The aspect ratio is not kept.
 *
 * @returns RGB bytes, `[size, size, 3]`.
 */
export function resizeOpencv(image: RgbImage, size: number): Uint8Array<ArrayBuffer> {
  const { height, width, pixels } = image;
  if (height === size && width === size) return pixels.slice();
  if (height === 2 * size && width === 2 * size) return halve(pixels, size);
  const columns = computeTaps(width, size, true);
  const rows = computeTaps(height, size, false);
  const narrow = new Int32Array(height * size * 3);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < size; x++) {
      const low = (y * width + columns.low[x]) * 3;
      const high = (y * width + columns.high[x]) * 3;
      for (let c = 0; c < 3; c++) {
        narrow[to++] = pixels[low + c] * columns.lowWeight[x] +
          pixels[high + c] * columns.highWeight[x];
      }
    }
  }
  const result = new Uint8Array(size * size * 3);
  const line = size * 3;
  for (let y = 0, to = 0; y < size; y++) {
    const [low, high] = [rows.low[y] * line, rows.high[y] * line];
    const [lowWeight, highWeight] = [rows.lowWeight[y], rows.highWeight[y]];
    for (let x = 0; x < line; x++) {
      // 32-bit products of a 19-bit sum and an 11-bit weight, each cut, then rounded together.
      const sum = ((narrow[low + x] >> 4) * lowWeight >> 16) +
        ((narrow[high + x] >> 4) * highWeight >> 16);
      result[to++] = sum + 2 >> 2;
    }
  }
  return result;
}

function halve(pixels: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const line = 2 * size * 3;
  const result = new Uint8Array(size * size * 3);
  for (let y = 0, to = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let c = 0; c < 3; c++, to++) {
        const at = 2 * y * line + 2 * x * 3 + c;
        const sum = pixels[at] + pixels[at + 3] + pixels[at + line] + pixels[at + line + 3];
        result[to] = sum + 2 >> 2;
      }
    }
  }
  return result;
}

/**
 * @param clamps Beyond the outer centres a column takes the edge with its whole weight; a row takes the
 * edge twice, with two weights that need not add up to the same bytes.
 */
function computeTaps(from: number, to: number, clamps: boolean): Taps {
  const scale = 1 / (to / from);
  const taps: Taps = {
    low: new Int32Array(to),
    high: new Int32Array(to),
    lowWeight: new Int32Array(to),
    highWeight: new Int32Array(to),
  };
  const clip = (place: number) => Math.min(from - 1, Math.max(0, place));
  for (let i = 0; i < to; i++) {
    const place = Math.fround((i + 0.5) * scale - 0.5);
    let low = Math.floor(place);
    let share = Math.fround(place - low);
    if (clamps && (low < 0 || low >= from - 1)) [low, share] = [clip(low), 0];
    taps.low[i] = clip(low);
    taps.high[i] = clip(low + 1);
    taps.lowWeight[i] = roundHalfEven(Math.fround(Math.fround(1 - share) * SCALE));
    taps.highWeight[i] = roundHalfEven(Math.fround(share * SCALE));
  }
  return taps;
}

/** To the nearest whole number, halves to the even one. */
export function roundHalfEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}
