import type { Bitmap } from "./png.ts";

/** Pixels of a cell of the matrix in which three digits fit, twice as large as they are drawn below. */
const CELL = 28;
const SCALE = 2;

/** Pixels that the matrix of many tasks may take; its cells have no digits. */
const MOST_SIDE = 600;

/** Digits of 3 by 5 pixels, row by row. */
const DIGITS = [
  ..."111101101101111 010110010010111 111001111100111 111001111001111 101101111001001".split(" "),
  ..."111100111001111 111100111101111 111001001001001 111101111101111 111101111001111".split(" "),
];

/** Between cells, and where nothing was measured. */
const PAPER = [255, 255, 255] as const;

/** From 0 to 100 %: viridis at five places, which differ in lightness too. */
const SCALE_COLOURS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

/**
 * Accuracies as a heat map: a row behind each task, a column for each, darker is worse; in each cell the whole percent,
 * where there are at most 21 tasks. It is as large as it will be when all tasks are learned, so that pictures of different steps can be laid over another.
 */
export function matrixPicture(
  matrix: readonly (readonly number[] | undefined)[],
  tasks: number,
): Bitmap {
  const cell = tasks * CELL <= MOST_SIDE ? CELL : Math.max(2, Math.floor(MOST_SIDE / tasks));
  const side = tasks * cell + 1;
  const picture = blank(side, side);
  for (const [row, values] of matrix.entries()) {
    for (const [column, value] of (values ?? []).entries()) {
      const [x, y] = [column * cell + 1, row * cell + 1];
      fill(picture, x, y, cell - 1, cell - 1, colourOf(value));
      if (cell === CELL) {
        write(picture, x, y, String(Math.round(value)), value > 60 ? [0, 0, 0] : PAPER);
      }
    }
  }
  return picture;
}

/** Pictures of `size` pixels side by side, a pixel between them; none: an empty one. */
export function stripPicture(pictures: readonly Uint8Array[], size: number): Bitmap {
  const count = Math.max(1, pictures.length);
  const strip = blank(count * (size + 1) - 1, size);
  for (const [i, pixels] of pictures.entries()) {
    for (let y = 0; y < size; y++) {
      const row = pixels.subarray(3 * size * y, 3 * size * (y + 1));
      strip.pixels.set(row, 3 * (y * strip.width + i * (size + 1)));
    }
  }
  return strip;
}

function blank(width: number, height: number): Bitmap {
  return { width, height, pixels: new Uint8Array(3 * width * height).fill(255) };
}

function fill(
  { width, pixels }: Bitmap,
  left: number,
  top: number,
  columns: number,
  rows: number,
  colour: readonly number[],
): void {
  for (let y = top; y < top + rows; y++) {
    for (let x = left; x < left + columns; x++) pixels.set(colour, 3 * (y * width + x));
  }
}

/** Digits in the middle of a cell. */
function write(
  picture: Bitmap,
  left: number,
  top: number,
  text: string,
  colour: readonly number[],
): void {
  const width = (4 * text.length - 1) * SCALE;
  const x = left + Math.floor((CELL - 1 - width) / 2);
  const y = top + Math.floor((CELL - 1 - 5 * SCALE) / 2);
  for (const [place, digit] of [...text].entries()) {
    for (const [at, ink] of [...DIGITS[Number(digit)]].entries()) {
      if (ink === "0") continue;
      const column = 4 * place + at % 3;
      fill(picture, x + column * SCALE, y + Math.floor(at / 3) * SCALE, SCALE, SCALE, colour);
    }
  }
}

function colourOf(percent: number): number[] {
  const place = Math.min(1, Math.max(0, percent / 100)) * (SCALE_COLOURS.length - 1);
  const below = Math.min(SCALE_COLOURS.length - 2, Math.floor(place));
  const share = place - below;
  return SCALE_COLOURS[below].map((value, i) =>
    Math.round(value + share * (SCALE_COLOURS[below + 1][i] - value))
  );
}
