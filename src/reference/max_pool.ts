/**
 * `torch.nn.functional.max_pool2d(x, 3, stride=2, padding=1)` in double precision:
 *
 *     y[n,c,p,q] = max over a,b in 0..2 of x[n, c, 2p - 1 + a, 2q - 1 + b]   (places in the image only)
 *
 * The gradient of y goes to the first place, row by row, that holds the maximum. Layouts: x `[N, C, H, W]`,
 * y `[N, C, P, Q]` with `P = floor((H - 1) / 2) + 1`.
 */

import type { Shape4 } from "./conv2d.ts";

/** `[N, C, P, Q]`. */
export function maxPoolOutputShape([n, c, h, w]: Shape4): Shape4 {
  return [n, c, Math.floor((h - 1) / 2) + 1, Math.floor((w - 1) / 2) + 1];
}

/** The output y, and for each of its elements where in x it was found. */
export function maxPoolForward(
  x: Float64Array,
  shape: Shape4,
): { y: Float64Array; places: Int32Array } {
  const [, , h, w] = shape;
  const [n, c, p, q] = maxPoolOutputShape(shape);
  const y = new Float64Array(n * c * p * q);
  const places = new Int32Array(y.length);
  for (let at = 0; at < y.length; at++) {
    const plane = Math.floor(at / (p * q)) * h * w;
    const [top, left] = [2 * (Math.floor(at / q) % p) - 1, 2 * (at % q) - 1];
    let best = -1;
    for (let tap = 0; tap < 9; tap++) {
      const [row, column] = [top + Math.floor(tap / 3), left + tap % 3];
      if (row < 0 || row >= h || column < 0 || column >= w) continue;
      const place = plane + row * w + column;
      if (best < 0 || x[place] > x[best]) best = place;
    }
    y[at] = x[best];
    places[at] = best;
  }
  return { y, places };
}

/** d loss / d x, given d loss / d y and the places of {@linkcode maxPoolForward}. */
export function maxPoolBackward(
  gradOutput: Float64Array,
  places: Int32Array,
  [n, c, h, w]: Shape4,
): Float64Array {
  const gradInput = new Float64Array(n * c * h * w);
  places.forEach((place, at) => gradInput[place] += gradOutput[at]);
  return gradInput;
}
