import { crc32 } from "node:zlib";
import { InputError } from "../errors.ts";
import { DIGEST_BYTES, digestOf } from "./content_key.ts";
import type { ImageInfo, ImageSet } from "../images/image_set.ts";
import { readExactly } from "./zip_place.ts";

/**
 * A packed file, little-endian: 8 bytes magic, SHA-256 of all that follows up to the pixels, u32 length of
 * the header, the header (JSON, padded with spaces to a multiple of 16), labels (u16), a CRC-32 of each
 * image (u32), pixels. One image can be read, and checked, without the others.
 */
const MAGIC = new TextEncoder().encode("wsclimg2");
const LENGTH_AT = MAGIC.length + DIGEST_BYTES;
const HEADER_AT = LENGTH_AT + 4;

interface Header extends Omit<ImageInfo, "labels"> {
  readonly key: string;
}

/** Writes a packed file image by image, in any order. */
export class PackedWriter {
  readonly #file: Deno.FsFile;
  readonly #start: Uint8Array<ArrayBuffer>;
  readonly #info: ImageInfo;
  readonly #checksums: Uint32Array<ArrayBuffer>;

  /** @param file A new one, open for writing. */
  constructor(file: Deno.FsFile, info: ImageInfo, key: string) {
    this.#file = file;
    this.#info = info;
    this.#checksums = new Uint32Array(info.count);
    this.#start = startOf(info, key);
  }

  /** Writes the images `first`, `first + 1`, ...: RGB bytes, one image after the other. */
  write(first: number, pixels: Uint8Array): void {
    const bytes = bytesPerImage(this.#info);
    for (let at = 0; at < pixels.length; at += bytes) {
      this.#checksums[first + at / bytes] = crc32(pixels.subarray(at, at + bytes));
    }
    this.#writeAt(pixelsAt(this.#start.length, this.#info) + first * bytes, pixels);
  }

  /** Writes what comes before the pixels: until then the file is no packed file. */
  finish(): void {
    const { labels, count } = this.#info;
    const tables = new Uint8Array(count * 6);
    const view = new DataView(tables.buffer);
    labels.forEach((label, i) => view.setUint16(2 * i, label, true));
    this.#checksums.forEach((crc, i) => view.setUint32(2 * count + 4 * i, crc, true));
    this.#start.set(digestOf(this.#start.subarray(LENGTH_AT), tables), MAGIC.length);
    this.#writeAt(0, this.#start);
    this.#writeAt(this.#start.length, tables);
    this.#file.syncSync();
  }

  #writeAt(offset: number, bytes: Uint8Array): void {
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    // One write may take only a part of a large piece.
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
  }
}

/**
 * The images in a packed file: in memory, or, if their pixels take more than `mostBytes`, read from the
 * file, which then stays open, when they are asked for.
 *
 * @throws {SyntaxError} If the file is not what {@linkcode PackedWriter} made for `key`; without the
 * file's path. What is found when an image is read later is an `InputError`.
 */
export function openPacked(path: string, key: string, mostBytes: number): ImageSet {
  const file = Deno.openSync(path);
  let stays = false;
  try {
    const { info, checksums, pixelsAt } = readStart(file, key);
    const bytes = bytesPerImage(info);
    if (file.statSync().size !== pixelsAt + info.count * bytes) {
      throw new SyntaxError("it is cut short or too long");
    }
    const check = (pixels: Uint8Array, index: number) => {
      if (crc32(pixels) === checksums[index]) return;
      throw new SyntaxError(`image ${index} is changed: its checksum does not match its content`);
    };
    if (info.count * bytes > mostBytes) {
      stays = true;
      return new StoredImages(info, (target, index) => {
        try {
          readInto(file, pixelsAt + index * bytes, target);
          check(target, index);
        } catch (error) {
          const { message } = error as Error;
          throw new InputError(
            `Cannot read the cache ${path}: ${message}; delete it, it is made again from the images`,
          );
        }
      });
    }
    const pixels = readExactly(file, pixelsAt, info.count * bytes);
    for (let i = 0; i < info.count; i++) check(pixels.subarray(i * bytes, (i + 1) * bytes), i);
    return { ...info, pixels };
  } finally {
    if (!stays) file.close();
  }
}

/** Images that stay in their packed file. */
class StoredImages implements ImageSet {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly count: number;
  readonly labels: Uint16Array<ArrayBuffer>;
  readonly classNames: readonly string[];
  readonly #target: Uint8Array<ArrayBuffer>;
  readonly #readInto: (target: Uint8Array, index: number) => void;

  constructor(info: ImageInfo, readInto: (target: Uint8Array, index: number) => void) {
    ({
      name: this.name,
      height: this.height,
      width: this.width,
      count: this.count,
      labels: this.labels,
      classNames: this.classNames,
    } = info);
    this.#target = new Uint8Array(bytesPerImage(info));
    this.#readInto = readInto;
  }

  get pixels(): never {
    throw new RangeError(
      `Cannot hold ${this.name} in memory: its ${this.count} images of ${this.width} x ` +
        `${this.height} pixels are too many; read them one by one`,
    );
  }

  readonly read = (index: number): Uint8Array<ArrayBuffer> => {
    this.#readInto(this.#target, index);
    return this.#target;
  };
}

function bytesPerImage({ height, width }: ImageInfo): number {
  return height * width * 3;
}

function pixelsAt(startBytes: number, { count }: ImageInfo): number {
  return Math.ceil((startBytes + count * 6) / 16) * 16;
}

/** Magic, room for the digest, length of the header, header. */
function startOf(info: ImageInfo, key: string): Uint8Array<ArrayBuffer> {
  const { name, count, height, width, classNames } = info;
  const header: Header = { key, name, count, height, width, classNames };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(Math.ceil((HEADER_AT + json.length) / 16) * 16).fill(0x20);
  start.set(MAGIC);
  new DataView(start.buffer).setUint32(LENGTH_AT, start.length - HEADER_AT, true);
  start.set(json, HEADER_AT);
  return start;
}

function readStart(
  file: Deno.FsFile,
  key: string,
): { info: ImageInfo; checksums: Uint32Array; pixelsAt: number } {
  const { size } = file.statSync();
  const prefix = size < HEADER_AT ? null : readExactly(file, 0, HEADER_AT);
  if (prefix === null || MAGIC.some((byte, i) => prefix[i] !== byte)) {
    throw new SyntaxError("it does not start as a packed file of this version");
  }
  const damaged = new SyntaxError(
    "it is cut short or changed: its checksum does not match its content",
  );
  const headerBytes = new DataView(prefix.buffer).getUint32(LENGTH_AT, true);
  if (HEADER_AT + headerBytes > size) throw damaged;
  const json = readExactly(file, HEADER_AT, headerBytes);
  let header: Header;
  try {
    header = JSON.parse(new TextDecoder().decode(json));
  } catch {
    throw damaged;
  }
  const { count, key: found, ...rest } = header;
  const tablesAt = HEADER_AT + headerBytes;
  if (!(tablesAt + count * 6 <= size)) throw damaged;
  const tables = readExactly(file, tablesAt, count * 6);
  const digest = digestOf(prefix.subarray(LENGTH_AT), json, tables);
  if (digest.some((byte, i) => prefix[MAGIC.length + i] !== byte)) throw damaged;
  if (found !== key) throw new SyntaxError("it was made from other files");
  const view = new DataView(tables.buffer);
  const labels = Uint16Array.from({ length: count }, (_, i) => view.getUint16(2 * i, true));
  const checksums = Uint32Array.from(
    { length: count },
    (_, i) => view.getUint32(2 * count + 4 * i, true),
  );
  const info = { ...rest, count, labels };
  return { info, checksums, pixelsAt: pixelsAt(tablesAt, info) };
}

function readInto(file: Deno.FsFile, offset: number, target: Uint8Array): void {
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let at = 0; at < target.length;) {
    const count = file.readSync(target.subarray(at));
    if (count === null) throw new SyntaxError("it is cut short");
    at += count;
  }
}
