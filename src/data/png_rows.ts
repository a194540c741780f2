import { inflateSync } from "node:zlib";
import { type PngHeader, SAMPLES } from "./png_chunks.ts";

/** Pixels that are stored together, row by row: all, or one of seven sets of an interlaced image. */
export interface PngPass {
  /** Column and row of the first pixel in the image. */
  readonly left: number;
  readonly top: number;
  /** Distances of neighbours in the image. */
  readonly across: number;
  readonly down: number;
  readonly columns: number;
  readonly rows: number;
}

/** First column, first row and distances of the pixels in each pass of an interlaced image. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** The passes that have pixels, in the order of the file. */
export function passesOf({ width, height, interlaced }: PngHeader): PngPass[] {
  return (interlaced ? ADAM7 : [[0, 0, 1, 1]]).map(([left, top, across, down]) => ({
    left,
    top,
    across,
    down,
    columns: Math.max(0, Math.ceil((width - left) / across)),
    rows: Math.max(0, Math.ceil((height - top) / down)),
  })).filter(({ columns, rows }) => columns * rows > 0);
}

/** Bytes of the samples of a row in a pass. */
export function rowBytes({ depth, colorType }: PngHeader, columns: number): number {
  return Math.ceil(columns * depth * SAMPLES[colorType] / 8);
}

/** Some encoders append so much and more; other decoders pass it over, too. */
const SURPLUS_BYTES = 2 ** 16;

/**
 * The rows of all passes, one after the other, each of a byte that names its filter and the bytes of its samples.
 *
 * @throws {SyntaxError} If the bytes are damaged (their checksum is compared), are too few, or unpack to far more than
 *   the header declares.
 */
export function unpackRows(packed: Uint8Array, header: PngHeader): Uint8Array {
  const declared = passesOf(header).reduce(
    (sum, { columns, rows }) => sum + rows * (1 + rowBytes(header, columns)),
    0,
  );
  let unpacked: Uint8Array;
  try {
    const chunkSize = Math.min(2 ** 20, Math.max(64, declared));
    unpacked = inflateSync(packed, { maxOutputLength: declared + SURPLUS_BYTES, chunkSize });
  } catch (error) {
    const reason = error instanceof RangeError
      ? `unpack to more than the ${declared} bytes that it declares`
      : `cannot be unpacked: ${(error as Error).message}`;
    throw new SyntaxError(`its pixels ${reason}`);
  }
  if (unpacked.length < declared) {
    throw new SyntaxError(
      `its pixels unpack to ${unpacked.length} of the ${declared} bytes that it declares`,
    );
  }
  return unpacked;
}

/**
 * Undoes the filter of one row, in place: each byte was stored as its difference from what its neighbours foretell.
 *
 * @param filter 0 nothing, 1 left, 2 above, 3 their mean, 4 Paeth's choice among left, above and above left.
 * @param above The row above, undone; zeros for the first row of a pass.
 * @param distance Bytes to the left neighbour: those of a pixel, at least 1.
 * @throws {SyntaxError} If there is no such filter.
 */
export function undoFilter(
  filter: number,
  row: Uint8Array,
  above: Uint8Array,
  distance: number,
): void {
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let i = distance; i < row.length; i++) row[i] += row[i - distance];
      return;
    case 2:
      for (let i = 0; i < row.length; i++) row[i] += above[i];
      return;
    case 3:
      for (let i = 0; i < Math.min(distance, row.length); i++) row[i] += above[i] >> 1;
      for (let i = distance; i < row.length; i++) row[i] += (row[i - distance] + above[i]) >> 1;
      return;
    case 4:
      // Left of the row there are zeros, of which Paeth chooses what is above.
      for (let i = 0; i < Math.min(distance, row.length); i++) row[i] += above[i];
      for (let i = distance; i < row.length; i++) {
        row[i] += paeth(row[i - distance], above[i], above[i - distance]);
      }
      return;
    default:
      throw new SyntaxError(`a row of it has filter ${filter}, there are 0 to 4`);
  }
}

/** The one of the three that is nearest to `left + above - aboveLeft`; the first of equally near ones. */
function paeth(left: number, above: number, aboveLeft: number): number {
  const toLeft = Math.abs(above - aboveLeft);
  const toAbove = Math.abs(left - aboveLeft);
  const toAboveLeft = Math.abs(left + above - 2 * aboveLeft);
  if (toLeft <= toAbove && toLeft <= toAboveLeft) return left;
  return toAbove <= toAboveLeft ? above : aboveLeft;
}
