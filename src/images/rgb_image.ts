/** One decoded image. */
export interface RgbImage {
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  /** RGB bytes, `[height, width, 3]`, row-major. */
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** RGB bytes of RGBA values. */
export function withoutAlpha(rgba: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array(rgba.length / 4 * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from];
    rgb[to + 1] = rgba[from + 1];
    rgb[to + 2] = rgba[from + 2];
  }
  return rgb;
}
