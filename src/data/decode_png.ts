import type { RgbImage } from "../images/rgb_image.ts";
import { chunksOf, INDEXED, partsOf, type PngHeader, SAMPLES } from "./png_chunks.ts";
import { passesOf, rowBytes, undoFilter, unpackRows } from "./png_rows.ts";

/**
 * The image in a PNG file of any colour type, depth and interlacing, as RGB: grey is repeated and scaled to 0 to
 * 255, a palette looked up, 16 bits cut to the upper 8, and alpha dropped (not blended). Gamma and colour profiles
 * are not applied.
 *
 * @throws {SyntaxError} If the bytes are damaged; checksums are compared.
 */
export function decodePng(bytes: Uint8Array<ArrayBuffer>): RgbImage {
  const { header, palette, packed } = partsOf(chunksOf(bytes));
  const { width, height, depth, colorType } = header;
  const unpacked = unpackRows(packed, header);
  const pixels = new Uint8Array(height * width * 3);
  const sampleBytes = Math.max(1, depth / 8);
  const pixelBytes = SAMPLES[colorType] * sampleBytes;
  // Only the upper byte of a sample is read; grey has one sample for all three colours.
  const [green, blue] = colorType & 2 ? [sampleBytes, 2 * sampleBytes] : [0, 0];
  const table = palette ?? greysOf(header);
  let at = 0;
  for (const { left, top, across, down, columns, rows } of passesOf(header)) {
    const length = rowBytes(header, columns);
    let above: Uint8Array = new Uint8Array(length);
    for (let y = 0; y < rows; y++) {
      const row = unpacked.subarray(at + 1, at + 1 + length);
      undoFilter(unpacked[at], row, above, pixelBytes);
      const samples = depth < 8 ? spread(row, depth, columns) : row;
      let to = 3 * ((top + y * down) * width + left);
      for (let from = 0, x = 0; x < columns; x++, from += pixelBytes, to += 3 * across) {
        if (table === null) {
          pixels[to] = samples[from];
          pixels[to + 1] = samples[from + green];
          pixels[to + 2] = samples[from + blue];
        } else {
          const entry = 3 * samples[from];
          if (entry >= table.length) {
            throw new SyntaxError(
              `a pixel has colour ${entry / 3}, its palette ${table.length / 3}`,
            );
          }
          pixels[to] = table[entry];
          pixels[to + 1] = table[entry + 1];
          pixels[to + 2] = table[entry + 2];
        }
      }
      above = row;
      at += 1 + length;
    }
  }
  return { height, width, pixels };
}

/** RGB of each grey of fewer than 8 bits, `[2 ** depth, 3]`; null where samples need no table. */
function greysOf({ colorType, depth }: PngHeader): Uint8Array | null {
  if (colorType === INDEXED || depth >= 8) return null;
  const highest = 2 ** depth - 1;
  return Uint8Array.from({ length: 3 * 2 ** depth }, (_, i) => Math.floor(i / 3) * 255 / highest);
}

/** A byte for each sample of 1, 2 or 4 bits; the first is in the upper bits. */
function spread(row: Uint8Array, depth: number, columns: number): Uint8Array {
  const samples = new Uint8Array(columns);
  const highest = 2 ** depth - 1;
  for (let x = 0; x < columns; x++) {
    samples[x] = row[x * depth >> 3] >> (8 - depth - x * depth % 8) & highest;
  }
  return samples;
}
