/** Height and width in pixels. */
interface Sides {
  readonly height: number;
  readonly width: number;
}

/** Markers of segments that hold the sides: all frame headers, which lie among markers of other kinds. */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/** Begin of a scan, end of the image: there is no frame header behind them. */
const isLast = (marker: number) => marker === 0xda || marker === 0xd9;

/** What a JPEG file says of its size before its pixels; null if it says nothing. */
export function declaredByJpeg(bytes: Uint8Array): Sides | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 2; at + 9 <= bytes.length;) {
    const marker = bytes[at + 1];
    // Stray and filling bytes are passed over, as the decoder does.
    if (bytes[at] !== 0xff || marker === 0xff || marker === 0) at++;
    else if (isLast(marker)) return null;
    else if (isFrame(marker)) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    } else at += 2 + view.getUint16(at + 2);
  }
  return null;
}

/** What a PNG file says of its size in its first chunk; null if it is too short to have one. */
export function declaredByPng(bytes: Uint8Array): Sides | null {
  if (bytes.length < 24) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { height: view.getUint32(20), width: view.getUint32(16) };
}
