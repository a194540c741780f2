import type { ImageKind } from "./image_kind.ts";
import { APP1, nextSegment, SOS } from "./jpeg_segments.ts";
import { chunksOf } from "./png_chunks.ts";

/**
 * How the pixels of an image lie, as EXIF numbers it: 1 upright; 2 mirrored; 3 turned by 180 degrees; 4 upside down;
 * 5 mirrored along the diagonal from the upper left; 6 turned to the left by 90 degrees; 7 mirrored along the other
 * diagonal; 8 turned to the right.
 */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const ORIENTATION_TAG = 0x0112;

/** Types of a value, of 2 and 4 bytes. */
const SHORT = 3, LONG = 4;

const PREFIX = "Exif\0\0";

/**
 * What the EXIF data of a JPEG or PNG file say of its orientation: 1 where there are none, or they are damaged, since
 * pixels do not depend on them.
 *
 * @param file A sound file: one that was decoded.
 */
export function orientationIn(file: Uint8Array<ArrayBuffer>, kind: ImageKind): Orientation {
  const data = kind === "JPEG" ? exifOfJpeg(file) : exifOfPng(file);
  return data === null ? 1 : orientationOf(data);
}

function exifOfJpeg(file: Uint8Array<ArrayBuffer>): Uint8Array | null {
  let segment = nextSegment(file, 2);
  while (segment !== null && segment.marker !== SOS) {
    const { marker, data, end } = segment;
    if (marker === APP1 && startsWithPrefix(data)) return data.subarray(PREFIX.length);
    segment = nextSegment(file, end);
  }
  return null;
}

function exifOfPng(file: Uint8Array<ArrayBuffer>): Uint8Array | null {
  const data = chunksOf(file).find(({ type }) => type === "eXIf")?.data ?? null;
  // Some programs write the prefix of JPEG files here, too.
  return data !== null && startsWithPrefix(data) ? data.subarray(PREFIX.length) : data;
}

function startsWithPrefix(data: Uint8Array): boolean {
  return String.fromCharCode(...data.subarray(0, PREFIX.length)) === PREFIX;
}

/** EXIF data are a TIFF file, whose first directory describes the image. */
function orientationOf(data: Uint8Array): Orientation {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const order = String.fromCharCode(...data.subarray(0, 2));
  if (data.length < 8 || order !== "II" && order !== "MM") return 1;
  const little = order === "II";
  const directory = view.getUint32(4, little);
  if (view.getUint16(2, little) !== 42 || directory + 2 > data.length) return 1;
  const entries = view.getUint16(directory, little);
  for (let n = 0, at = directory + 2; n < entries && at + 12 <= data.length; n++, at += 12) {
    if (view.getUint16(at, little) !== ORIENTATION_TAG) continue;
    const type = view.getUint16(at + 2, little);
    if (type !== SHORT && type !== LONG) return 1;
    const value = type === SHORT ? view.getUint16(at + 8, little) : view.getUint32(at + 8, little);
    return value >= 1 && value <= 8 ? value as Orientation : 1;
  }
  return 1;
}
