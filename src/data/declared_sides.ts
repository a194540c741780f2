import { EOI, isFrame, nextSegment, SOS, uint16 } from "./jpeg_segments.ts";

/** Height and width in pixels. */
interface Sides {
  readonly height: number;
  readonly width: number;
}

/** What a JPEG file says of its size before its pixels; null if it says nothing. */
export function declaredByJpeg(bytes: Uint8Array<ArrayBuffer>): Sides | null {
  for (let at = 2;;) {
    const segment = nextSegment(bytes, at);
    if (segment === null || segment.marker === SOS || segment.marker === EOI) return null;
    const { marker, data, end } = segment;
    if (isFrame(marker) && data.length >= 5) {
      return { height: uint16(data, 1), width: uint16(data, 3) };
    }
    at = end;
  }
}

/** What a PNG file says of its size in its first chunk; null if it is too short to have one. */
export function declaredByPng(bytes: Uint8Array): Sides | null {
  if (bytes.length < 24) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { height: view.getUint32(20), width: view.getUint32(16) };
}
