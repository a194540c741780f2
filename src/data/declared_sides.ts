import { EOI, isFrame, type JpegSegment, nextSegment, SOS, uint16 } from "./jpeg_segments.ts";

/** Height and width in pixels. */
interface Sides {
  readonly height: number;
  readonly width: number;
}

/** What a JPEG file says of its size before its pixels; null if it says nothing. */
export function declaredByJpeg(bytes: Uint8Array<ArrayBuffer>): Sides | null {
  const frame = frameHeader(bytes);
  return frame && { height: uint16(frame.data, 1), width: uint16(frame.data, 3) };
}

/** How a JPEG file is coded, in words, if that is a way that no decoder here reads; null otherwise. */
export function unreadCoding(bytes: Uint8Array<ArrayBuffer>): string | null {
  const frame = frameHeader(bytes);
  if (frame === null) return null;
  const { marker, data } = frame;
  const [bits, components] = [data[0], data[5]];
  if (marker > 0xc8) return "arithmetic coding";
  if (marker > 0xc2) return marker === 0xc3 ? "lossless coding" : "hierarchical coding";
  if (bits !== 8) return `${bits} bits a sample`;
  // One is grey, three are colours and four CMYK; of two nothing says what they are.
  return components === 2 ? "two samples a pixel" : null;
}

function frameHeader(bytes: Uint8Array<ArrayBuffer>): JpegSegment | null {
  for (let at = 2;;) {
    const segment = nextSegment(bytes, at);
    if (segment === null || segment.marker === SOS || segment.marker === EOI) return null;
    if (isFrame(segment.marker) && segment.data.length >= 5) return segment;
    at = segment.end;
  }
}

/** What a PNG file says of its size in its first chunk; null if it is too short to have one. */
export function declaredByPng(bytes: Uint8Array): Sides | null {
  if (bytes.length < 24) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { height: view.getUint32(20), width: view.getUint32(16) };
}
