/** Pixels of an image that is decoded at all: more than any photograph of the data sets here has. */
const MOST_PIXELS = 2 ** 27;

/** A file of one colour holds some thousand pixels a byte at most, or is small. */
const MOST_PIXELS_A_BYTE = 10_000;
const SMALL = 2 ** 20;

/**
 * Refuses an image whose header declares more pixels than can be in the file: decoders allocate what a header says.
 *
 * @throws {RangeError} with what it declares.
 */
export function checkDeclaredSize(bytes: Uint8Array<ArrayBuffer>): void {
  const declared = declaredSize(bytes);
  if (!declared) return;
  const { width, height } = declared;
  const most = Math.min(MOST_PIXELS, Math.max(SMALL, MOST_PIXELS_A_BYTE * bytes.length));
  if (width * height > most) {
    throw new RangeError(`they declare ${width} x ${height} pixels, ${most} can be in so few`);
  }
}

/** Size in pixels by the header of a PNG or JPEG file; null where there is none. */
function declaredSize(
  bytes: Uint8Array<ArrayBuffer>,
): { readonly width: number; readonly height: number } | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0] === 0x89) {
    return bytes.length < 24 ? null : { width: view.getUint32(16), height: view.getUint32(20) };
  }
  // JPEG: segments of a marker, a length and content, up to the start of frame (SOF).
  for (let at = 2; at + 9 <= bytes.length;) {
    if (bytes[at] !== 0xff) {
      at++;
      continue;
    }
    const marker = bytes[at + 1];
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    // Fill bytes and markers without content have no length.
    const alone = marker === 0xff || marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd9);
    at += alone ? (marker === 0xff ? 1 : 2) : 2 + view.getUint16(at + 2);
  }
  return null;
}
