/**
 * The train transform in double precision: `turns` quarter turns counterclockwise, zeros of width `padding` around the
 * bytes, a crop of the original size at row `top`, column `left` of the padded picture, a mirror image left to right if
 * `flip`, then `(byte / 255 - mean[c]) / deviation[c]`. The padding is black before normalisation. Layouts: pixels
 * `[count, height, width, 3]` bytes, result `[count, 3, height, width]`.
 */

/** What was drawn for one picture; `top` and `left` are in `0..2*padding`. */
interface AugmentDraw {
  top: number;
  left: number;
  flip: boolean;
  turns?: number;
}

/** Size of the pictures and the normalisation of each colour. */
export interface AugmentOptions {
  height: number;
  width: number;
  padding: number;
  mean: readonly number[];
  deviation: readonly number[];
}

/** One draw per picture; `{ top: padding, left: padding, flip: false }` gives the test transform. */
export function augment(
  pixels: ArrayLike<number>,
  draws: readonly AugmentDraw[],
  { height, width, padding, mean, deviation }: AugmentOptions,
): Float64Array {
  const result = new Float64Array(draws.length * 3 * height * width);
  draws.forEach(({ top, left, flip, turns = 0 }, n) => {
    const bytes = turned(pixels, n * height * width * 3, height, width, turns);
    for (let c = 0; c < 3; c++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const row = y + top - padding;
          const column = (flip ? width - 1 - x : x) + left - padding;
          const inside = row >= 0 && row < height && column >= 0 && column < width;
          const byte = inside ? bytes[(row * width + column) * 3 + c] : 0;
          result[((n * 3 + c) * height + y) * width + x] = (byte / 255 - mean[c]) / deviation[c];
        }
      }
    }
  });
  return result;
}

/** One picture of `pixels`, turned by one quarter so many times: what was the right column becomes the top row. */
function turned(
  pixels: ArrayLike<number>,
  from: number,
  height: number,
  width: number,
  turns: number,
): number[] {
  let picture = Array.from({ length: height * width * 3 }, (_, i) => pixels[from + i]);
  for (let turn = 0; turn < turns; turn++) {
    const before = picture;
    picture = new Array(before.length);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let c = 0; c < 3; c++) {
          picture[(y * width + x) * 3 + c] = before[(x * width + (width - 1 - y)) * 3 + c];
        }
      }
    }
  }
  return picture;
}
