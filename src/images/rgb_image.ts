/** One decoded image. */
export interface RgbImage {
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  /** RGB bytes, `[height, width, 3]`, row-major. */
  readonly pixels: Uint8Array<ArrayBuffer>;
}
