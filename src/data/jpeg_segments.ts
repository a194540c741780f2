/** A marker of a JPEG file with what belongs to it. */
export interface JpegSegment {
  /** The byte behind 0xff that says what it is. */
  readonly marker: number;
  /** Without the length in front; empty for markers that stand alone. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Where the bytes behind it begin. */
  readonly end: number;
}

/** Markers, by the names of the standard. */
export const DHT = 0xc4, EOI = 0xd9, SOS = 0xda, DQT = 0xdb, DRI = 0xdd, APP1 = 0xe1;

/** The first of eight markers between packed pixels, which come in turn. */
export const RST0 = 0xd0;

/** Whether the segment is a frame header: there is one for each way of coding, among markers of other kinds. */
export const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== DHT && marker !== 0xc8 && marker !== 0xcc;

/** RST0 to 7, the begin and the end of the image, and one for arithmetic coding. */
const standsAlone = (marker: number) => marker === 0x01 || marker >= RST0 && marker <= EOI;

/**
 * The first segment from `at` on; stray and filling bytes are passed over, as the decoder does. Null where there is
 * none, or only a part of it.
 */
export function nextSegment(bytes: Uint8Array<ArrayBuffer>, at: number): JpegSegment | null {
  for (; at + 1 < bytes.length; at++) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff || marker === 0 || marker === 0xff) continue;
    if (standsAlone(marker)) return { marker, data: bytes.subarray(at, at), end: at + 2 };
    if (at + 4 > bytes.length) return null;
    const end = at + 2 + uint16(bytes, at + 2);
    if (end > bytes.length || end < at + 4) return null;
    return { marker, data: bytes.subarray(at + 4, end), end };
  }
  return null;
}

/** Two bytes, the upper first; zeros where there are none. */
export function uint16(bytes: Uint8Array, at: number): number {
  return bytes[at] << 8 | bytes[at + 1];
}
