import { HuffmanCode } from "./jpeg_entropy.ts";
import { uint16 } from "./jpeg_segments.ts";

/** One component of an image: brightness, or a part of its colour. */
export interface JpegComponent {
  readonly id: number;
  /** Blocks of 8 x 8 in a unit of the image, across and down. */
  readonly across: number;
  readonly down: number;
  /** Blocks that the component has by itself; units at the edges have more. */
  readonly blocksAcross: number;
  readonly blocksDown: number;
  /** Blocks in a row of units. */
  readonly stride: number;
  /** Number of its quantisation table. */
  readonly table: number;
  /** The lowest bit told so far of each of 64 coefficients; -1 before the first. */
  readonly known: Int8Array;
  /** Of progressive images: which coefficients are known not to be 0, two words of 32 bits for each block. */
  readonly nonzero: Uint32Array;
}

/** What a frame header says. */
export interface JpegFrame {
  readonly progressive: boolean;
  readonly components: readonly JpegComponent[];
  /** Units: the smallest pieces that hold whole blocks of all components. */
  readonly unitsAcross: number;
  readonly unitsDown: number;
}

const PROGRESSIVE = 0xc2;

/**
 * The frame of a Huffman-coded image of 8 bits; null of any other kind.
 *
 * @param marker Of the frame header.
 * @param data The header.
 */
export function frameIn(marker: number, data: Uint8Array): JpegFrame | null {
  if (marker > PROGRESSIVE || data[0] !== 8 || data.length < 6 + 3 * data[5]) return null;
  const [height, width] = [uint16(data, 1), uint16(data, 3)];
  const parts = Array.from({ length: data[5] }, (_, i) => data.subarray(6 + 3 * i, 9 + 3 * i));
  const mostAcross = Math.max(...parts.map(([, sampling]) => sampling >> 4));
  const mostDown = Math.max(...parts.map(([, sampling]) => sampling & 15));
  const unitsAcross = Math.ceil(width / (8 * mostAcross));
  const unitsDown = Math.ceil(height / (8 * mostDown));
  const components = parts.map(([id, sampling, table]) => {
    const [across, down] = [sampling >> 4, sampling & 15];
    const stride = unitsAcross * across;
    const blocks = marker === PROGRESSIVE ? stride * unitsDown * down : 0;
    return {
      id,
      across,
      down,
      blocksAcross: Math.ceil(Math.ceil(width * across / mostAcross) / 8),
      blocksDown: Math.ceil(Math.ceil(height * down / mostDown) / 8),
      stride,
      table,
      known: new Int8Array(64).fill(-1),
      nonzero: new Uint32Array(2 * blocks),
    };
  });
  return { progressive: marker === PROGRESSIVE, components, unitsAcross, unitsDown };
}

/**
 * The Huffman tables of the standard (annex K.3), as a segment: single pictures of a film (Motion JPEG) lack theirs.
 */
const USUAL_CODES = Uint8Array.fromBase64(
  "AAABBQEBAQEBAQAAAAAAAAAAAQIDBAUGBwgJCgsQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGh" +
    "CCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SF" +
    "hoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5" +
    "+gEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoLEQACAQIEBAMEBwUEBAABAncAAQIDEQQFITEGEkFRB2FxEyIygQgU" +
    "QpGhscEJIzNS8BVictEKFiQ04SXxFxgZGiYnKCkqNTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqC" +
    "g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2dri4+Tl5ufo6ery8/T19vf4" +
    "+fo=",
);

/** Tables that are in force where a scan begins, by number. */
export class JpegTables {
  readonly dc: HuffmanCode[] = [];
  readonly ac: HuffmanCode[] = [];
  /** Of each quantisation table what one step of the first coefficient stands for. */
  readonly steps: number[] = [];
  /** Units between restart markers; 0 for none. */
  interval = 0;

  constructor() {
    this.addCodes(USUAL_CODES);
  }

  /** Takes over the Huffman tables of a segment. */
  addCodes(data: Uint8Array): void {
    for (let at = 0; at + 17 <= data.length;) {
      const counts = data.subarray(at + 1, at + 17);
      const end = at + 17 + counts.reduce((sum, count) => sum + count, 0);
      const codes = data[at] >> 4 === 0 ? this.dc : this.ac;
      codes[data[at] & 15] = new HuffmanCode(counts, data.subarray(at + 17, end));
      at = end;
    }
  }

  /** Takes over the quantisation tables of a segment, of which 8 or 16 bits have the first step. */
  addSteps(data: Uint8Array): void {
    for (let at = 0; at < data.length;) {
      const bytes = data[at] >> 4 === 0 ? 1 : 2;
      this.steps[data[at] & 15] = bytes === 1 ? data[at + 1] : uint16(data, at + 1);
      at += 1 + 64 * bytes;
    }
  }
}
