import { crc32 } from "node:zlib";

/** One piece of a PNG file. */
export interface PngChunk {
  /** Four letters; a small first one says that a reader may pass the chunk over. */
  readonly type: string;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** What the first chunk says of the image. */
export interface PngHeader {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** Bits of a sample. */
  readonly depth: number;
  readonly colorType: number;
  readonly interlaced: boolean;
}

/** The colour type whose samples are places in a palette. */
export const INDEXED = 3;

/** Samples of a pixel, by colour type. */
export const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Bits that a sample may have, by colour type. */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

const SIGNATURE_BYTES = 8;

/** Chunks that a reader must know, having met them. */
const CRITICAL = ["IHDR", "PLTE", "IDAT", "IEND"];

/**
 * The chunks of a PNG file up to its end; what is behind that is not looked at.
 *
 * @throws {SyntaxError} If the file ends before, or a chunk has another checksum or is of a kind that decides the
 *   pixels and is not known.
 */
export function chunksOf(file: Uint8Array<ArrayBuffer>): PngChunk[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const chunks: PngChunk[] = [];
  for (let at = SIGNATURE_BYTES; at + 12 <= file.length;) {
    const end = at + 12 + view.getUint32(at);
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    if (end > file.length) throw new SyntaxError(`it ends in its chunk ${nameOf(type)}`);
    if (crc32(file.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) {
      throw new SyntaxError(`the checksum of its chunk ${nameOf(type)} is another`);
    }
    if (!(view.getUint8(at + 4) & 0x20) && !CRITICAL.includes(type)) {
      throw new SyntaxError(`its chunk ${nameOf(type)} is not known`);
    }
    chunks.push({ type, data: file.subarray(at + 8, end - 4) });
    if (type === "IEND") return chunks;
    at = end;
  }
  throw new SyntaxError("it ends before its chunk IEND");
}

/** For messages: what is damaged may hold any bytes. */
const nameOf = (type: string) => JSON.stringify(type);

/**
 * The header, the palette that the pixels look up, and the pixels, packed. All other chunks (a palette suggested for
 * colour images, transparency, gamma, profiles, text) say nothing of the pixels as stored and are left out.
 *
 * @throws {SyntaxError} If one is missing, or is not as the standard has it.
 */
export function partsOf(chunks: readonly PngChunk[]): {
  header: PngHeader;
  palette: Uint8Array | null;
  packed: Uint8Array<ArrayBuffer>;
} {
  if (chunks[0].type !== "IHDR") throw new SyntaxError("its first chunk is not IHDR");
  if (chunks.filter(({ type }) => type === "IHDR").length > 1) {
    throw new SyntaxError("it has two headers");
  }
  const header = headerIn(chunks[0].data);
  const pixelsAt = chunks.findIndex(({ type }) => type === "IDAT");
  if (pixelsAt === -1) throw new SyntaxError("it has no pixels");
  const palette = header.colorType === INDEXED ? paletteIn(chunks.slice(0, pixelsAt)) : null;
  const pieces = chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data);
  return { header, palette, packed: joined(pieces) };
}

function headerIn(data: Uint8Array): PngHeader {
  if (data.length !== 13) throw new SyntaxError(`its header has ${data.length} bytes, not 13`);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const [depth, colorType, compression, filter, interlacing] = data.subarray(8);
  if (!DEPTHS[colorType]?.includes(depth)) {
    throw new SyntaxError(`its header says colour type ${colorType} with ${depth} bits`);
  }
  if (compression !== 0 || filter !== 0 || interlacing > 1) {
    throw new SyntaxError(
      `its header says compression ${compression}, filters ${filter}, interlacing ${interlacing}`,
    );
  }
  return {
    width: view.getUint32(0),
    height: view.getUint32(4),
    depth,
    colorType,
    interlaced: interlacing === 1,
  };
}

function paletteIn(chunks: readonly PngChunk[]): Uint8Array {
  const palette = chunks.find(({ type }) => type === "PLTE")?.data;
  if (palette === undefined) throw new SyntaxError("it has no palette");
  if (palette.length % 3 !== 0) {
    throw new SyntaxError(`its palette has ${palette.length} bytes, no multiple of 3`);
  }
  return palette;
}

function joined(pieces: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  if (pieces.length === 1) return pieces[0];
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
