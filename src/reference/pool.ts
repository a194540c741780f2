/**
 * Average over the whole map, in double precision: `y[n,c] = sum over h,w of x[n,c,h,w] / (H*W)`.
 * Layouts: x `[N, C, H, W]`, y `[N, C]`.
 */

import type { Shape4 } from "./conv2d.ts";

/** The output y, `[N, C]`. */
export function globalAverageForward(x: Float64Array, [n, c, h, w]: Shape4): Float64Array {
  const y = new Float64Array(n * c);
  for (let i = 0; i < x.length; i++) y[Math.floor(i / (h * w))] += x[i] / (h * w);
  return y;
}

/** d loss / d x, given d loss / d y: every position gets its share. */
export function globalAverageBackward(
  gradOutput: Float64Array,
  [n, c, h, w]: Shape4,
): Float64Array {
  const gradInput = new Float64Array(n * c * h * w);
  for (let i = 0; i < gradInput.length; i++) {
    gradInput[i] = gradOutput[Math.floor(i / (h * w))] / (h * w);
  }
  return gradInput;
}
