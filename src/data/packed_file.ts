import { DIGEST_BYTES, digestOf } from "./content_key.ts";
import type { ImageSet } from "./image_set.ts";

/**
 * A packed file, little-endian: 8 bytes magic, SHA-256 of all that follows, u32 length of the header,
 * the header (JSON, padded with spaces so that the pixels start at a multiple of 16), pixels,
 * labels (u16).
 */
const MAGIC = new TextEncoder().encode("wsclimg1");
const LENGTH_AT = MAGIC.length + DIGEST_BYTES;
const HEADER_AT = LENGTH_AT + 4;

interface Header {
  readonly key: string;
  readonly name: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly classNames: readonly string[];
}

/** The pieces of the packed file of `images`, to be written one after the other. */
export function packImages(images: ImageSet, key: string): readonly Uint8Array[] {
  const labels = labelBytes(images.labels);
  const header: Header = {
    key,
    name: images.name,
    count: images.count,
    height: images.height,
    width: images.width,
    classNames: images.classNames,
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(Math.ceil((HEADER_AT + json.length) / 16) * 16).fill(0x20);
  start.set(MAGIC);
  new DataView(start.buffer).setUint32(LENGTH_AT, start.length - HEADER_AT, true);
  start.set(json, HEADER_AT);
  start.set(digestOf(start.subarray(LENGTH_AT), images.pixels, labels), MAGIC.length);
  return [start, images.pixels, labels];
}

/**
 * The images in a packed file; they share the memory of `bytes`.
 *
 * @throws {SyntaxError} If the bytes are not what {@linkcode packImages} made for `key`. The message
 * names what is wrong, without the file's path.
 */
export function unpackImages(bytes: Uint8Array<ArrayBuffer>, key: string): ImageSet {
  if (bytes.length < HEADER_AT || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new SyntaxError("it does not start as a packed file of this version");
  }
  const digest = digestOf(bytes.subarray(LENGTH_AT));
  if (digest.some((byte, i) => bytes[MAGIC.length + i] !== byte)) {
    throw new SyntaxError("it is cut short or changed: its checksum does not match its content");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pixelsAt = HEADER_AT + view.getUint32(LENGTH_AT, true);
  // The checksum matched, so this header was written by packImages and needs no further check.
  const json = new TextDecoder().decode(bytes.subarray(HEADER_AT, pixelsAt));
  const { name, height, width, count, classNames, key: found }: Header = JSON.parse(json);
  if (found !== key) throw new SyntaxError("it was made from other files");
  const labelsAt = pixelsAt + count * height * width * 3;
  const labels = Uint16Array.from(
    { length: count },
    (_, i) => view.getUint16(labelsAt + 2 * i, true),
  );
  const pixels = bytes.subarray(pixelsAt, labelsAt);
  return { name, height, width, count, pixels, labels, classNames };
}

function labelBytes(labels: Uint16Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(labels.length * 2));
  labels.forEach((label, i) => view.setUint16(2 * i, label, true));
  return new Uint8Array(view.buffer);
}
