/** Writes RGB bytes as words of RGBA8, red lowest, alpha 255, into `target` from word `at` on. */
export function packRgb(pixels: Uint8Array, target: Uint32Array, at = 0): void {
  for (let i = 0, from = 0; from < pixels.length; i++, from += 3) {
    target[at + i] = pixels[from] | (pixels[from + 1] << 8) | (pixels[from + 2] << 16) | 0xff000000;
  }
}

/** The RGB bytes of such words. */
export function unpackRgb(words: Uint32Array): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(words.length * 3);
  for (let i = 0; i < words.length; i++) {
    pixels[3 * i] = words[i];
    pixels[3 * i + 1] = words[i] >> 8;
    pixels[3 * i + 2] = words[i] >> 16;
  }
  return pixels;
}
