import { inflateSync } from "node:zlib";

const SIGNATURE = 8;
const PALETTE = 3;

/** Samples of a pixel, by colour type. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** No deflated byte unpacks to more. */
const MOST_PER_BYTE = 1032;

/** So much is unpacked without another look. */
const HARMLESS_BYTES = 2 ** 26;

/** First column, first row and distances of the pixels in each pass of an interlaced image. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/**
 * A PNG file as it may be decoded: without its colour profile, which is not applied and may unpack to gigabytes. What the
 * file is cut short of, the decoder finds.
 *
 * @throws {SyntaxError} If its pixels unpack to more than it declares, it declares twice, or its palette is missing.
 */
export function decodablePng(file: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const kept: Uint8Array<ArrayBuffer>[] = [file.subarray(0, SIGNATURE)];
  const pixels: Uint8Array<ArrayBuffer>[] = [];
  let hasPalette = false;
  let hasProfile = false;
  let at = SIGNATURE;
  while (at + 12 <= file.length) {
    const end = at + 12 + view.getUint32(at);
    const type = new TextDecoder().decode(file.subarray(at + 4, at + 8));
    if (type === "IHDR" && at !== SIGNATURE) throw new SyntaxError("it has two headers");
    if (type === "iCCP") hasProfile = true;
    else kept.push(file.subarray(at, end));
    hasPalette ||= type === "PLTE";
    if (type === "IDAT") pixels.push(file.subarray(at + 8, end - 4));
    at = end;
  }
  if (file.length >= 29) {
    const unpacked = unpackedBytes(view);
    if (view.getUint8(25) === PALETTE && !hasPalette) throw new SyntaxError("it has no palette");
    const packed = pixels.reduce((sum, { length }) => sum + length, 0);
    if (packed * MOST_PER_BYTE > Math.max(unpacked, HARMLESS_BYTES)) {
      checkUnpacked(joined(pixels), unpacked);
    }
  }
  return hasProfile ? joined(kept) : file;
}

/** Bytes of the rows of all passes, each with its filter, as the header declares them. */
function unpackedBytes(view: DataView): number {
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const bits = view.getUint8(24) * (SAMPLES[view.getUint8(25)] ?? 4);
  const passes = view.getUint8(28) === 0 ? [[0, 0, 1, 1]] : PASSES;
  return passes.reduce((sum, [left, top, across, down]) => {
    const columns = Math.max(0, Math.ceil((width - left) / across));
    const rows = Math.max(0, Math.ceil((height - top) / down));
    return sum + (columns === 0 ? 0 : rows * (1 + Math.ceil(columns * bits / 8)));
  }, 0);
}

function checkUnpacked(packed: Uint8Array<ArrayBuffer>, most: number): void {
  try {
    // A limit of 0 would mean none.
    inflateSync(packed, { maxOutputLength: Math.max(1, most) });
  } catch (error) {
    // Other failures are the decoder's to tell.
    if (!(error instanceof RangeError)) return;
    throw new SyntaxError(`its pixels unpack to more than the ${most} bytes that it declares`);
  }
}

function joined(pieces: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
