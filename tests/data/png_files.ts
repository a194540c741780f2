/** PNG files of every kind, written by the letter of the standard, and the RGB that they stand for. */

import { crc32, deflateSync } from "node:zlib";

/** An image as PNG stores it. */
export interface PngImage {
  readonly width: number;
  readonly height: number;
  readonly colorType: 0 | 2 | 3 | 4 | 6;
  readonly depth: number;
  /** `[height, width, samples of a pixel]` */
  readonly samples: ArrayLike<number>;
  /** RGB of each place, for colour type 3. */
  readonly palette?: readonly number[];
}

/** How it is written. */
export interface PngOptions {
  readonly interlaced?: boolean;
  /** The filters of the rows, in turn; 0 unless told. */
  readonly filters?: readonly number[];
  /** Chunks between the header and the pixels, behind a palette that the image needs. */
  readonly chunks?: Readonly<Record<string, ArrayLike<number>>>;
  /** Done to the rows before they are packed. */
  readonly damage?: (rows: Uint8Array) => Uint8Array;
}

/** Samples of a pixel, by colour type. */
export const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 } as const;

/** All types of pixels that there are: colour type and bits of a sample. */
export const PIXEL_TYPES = [
  ...[1, 2, 4, 8, 16].map((depth) => ({ colorType: 0, depth }) as const),
  ...[8, 16].map((depth) => ({ colorType: 2, depth }) as const),
  ...[1, 2, 4, 8].map((depth) => ({ colorType: 3, depth }) as const),
  ...[8, 16].map((depth) => ({ colorType: 4, depth }) as const),
  ...[8, 16].map((depth) => ({ colorType: 6, depth }) as const),
];

/** The pass of each pixel of an interlaced image, as the standard draws it. */
const ADAM7 = [
  [1, 6, 4, 6, 2, 6, 4, 6],
  [7, 7, 7, 7, 7, 7, 7, 7],
  [5, 6, 5, 6, 5, 6, 5, 6],
  [7, 7, 7, 7, 7, 7, 7, 7],
  [3, 6, 4, 6, 3, 6, 4, 6],
  [7, 7, 7, 7, 7, 7, 7, 7],
  [5, 6, 5, 6, 5, 6, 5, 6],
  [7, 7, 7, 7, 7, 7, 7, 7],
];

/** The file. */
export function pngFile(image: PngImage, options: PngOptions = {}): Uint8Array<ArrayBuffer> {
  const { width, height, colorType, depth, palette } = image;
  const { interlaced = false, chunks = {}, damage = (rows) => rows } = options;
  const header = [...uint32(width), ...uint32(height), depth, colorType, 0, 0, Number(interlaced)];
  return Uint8Array.from([
    ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    ...chunk("IHDR", header),
    ...(palette ? chunk("PLTE", palette) : []),
    ...Object.entries(chunks).flatMap(([type, data]) => chunk(type, data)),
    ...chunk("IDAT", deflateSync(damage(rowsOf(image, options)))),
    ...chunk("IEND", []),
  ]);
}

/** RGB bytes `[height, width, 3]`, by the definition of each colour type. */
export function rgbOf({ colorType, depth, samples, palette }: PngImage): Uint8Array {
  const channels = CHANNELS[colorType];
  const toByte = (sample: number) =>
    depth === 16 ? sample >> 8 : Math.round(sample * 255 / (2 ** depth - 1));
  return Uint8Array.from({ length: samples.length / channels * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    if (colorType === 3) return palette![3 * samples[pixel] + i % 3];
    return toByte(samples[pixel * channels + (channels < 3 ? 0 : i % 3)]);
  });
}

/** One chunk, with its checksum. */
export function chunk(type: string, data: ArrayLike<number>): number[] {
  const body = Uint8Array.from([...new TextEncoder().encode(type), ...Array.from(data)]);
  return [...uint32(data.length), ...body, ...uint32(crc32(body))];
}

function rowsOf({ width, height, colorType, depth, samples }: PngImage, options: PngOptions) {
  const { interlaced = false, filters = [0] } = options;
  const channels = CHANNELS[colorType];
  const distance = Math.max(1, channels * depth / 8);
  const rows: number[] = [];
  let count = 0;
  for (let pass = 1; pass <= (interlaced ? 7 : 1); pass++) {
    let above: number[] = [];
    for (let y = 0; y < height; y++) {
      const row: number[] = [];
      for (let x = 0; x < width; x++) {
        if (interlaced && ADAM7[y % 8][x % 8] !== pass) continue;
        for (let c = 0; c < channels; c++) row.push(samples[(y * width + x) * channels + c]);
      }
      if (row.length === 0) continue;
      const bytes = bytesOf(row, depth);
      const filter = filters[count++ % filters.length];
      rows.push(filter, ...filtered(filter, bytes, above, distance));
      above = bytes;
    }
  }
  return Uint8Array.from(rows);
}

function bytesOf(samples: readonly number[], depth: number): number[] {
  const bits = samples.map((sample) => sample.toString(2).padStart(depth, "0")).join("");
  return (bits.match(/.{1,8}/g) ?? []).map((byte) => parseInt(byte.padEnd(8, "0"), 2));
}

function filtered(
  filter: number,
  row: readonly number[],
  above: readonly number[],
  distance: number,
): number[] {
  return row.map((byte, i) => {
    const [a, b, c] = [row[i - distance] ?? 0, above[i] ?? 0, above[i - distance] ?? 0];
    const p = a + b - c;
    const nearest = [a, b, c].sort((x, y) => Math.abs(p - x) - Math.abs(p - y))[0];
    return (byte - [0, a, b, (a + b) >> 1, nearest][filter]) & 255;
  });
}

function uint32(value: number): number[] {
  return [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
}
