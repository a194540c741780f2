/** Writes archives by the letter of their formats, for tests. */

import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { Buffer } from "node:buffer";
import { joined } from "./fixtures.ts";

/** A `.tar.gz` of these files. */
export function tarGz(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const blocks = Object.entries(files).flatMap(([name, bytes]) => [
    tarHeader(name, bytes.length),
    bytes,
    new Uint8Array((512 - bytes.length % 512) % 512),
  ]);
  return gzipSync(Buffer.concat([...blocks, new Uint8Array(1024)]));
}

/** The header of a tar entry; `type` 0 is a file, 2 a symbolic link, 5 a folder. */
export function tarHeader(name: string, size: number, type = "0"): Uint8Array {
  const header = new Uint8Array(512);
  const put = (at: number, text: string) => header.set(new TextEncoder().encode(text), at);
  put(0, name);
  put(124, `${size.toString(8).padStart(11, "0")}\0`);
  put(156, type);
  put(257, "ustar\x0000");
  put(148, "        ");
  const sum = header.reduce((a, b) => a + b, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}

/** How {@linkcode zip} writes. */
export interface ZipOptions {
  /** Sizes, offsets and the number of entries in fields of 64 bits. */
  readonly zip64?: boolean;
  /** Changes an entry of the directory. */
  readonly spoil?: (entry: DataView) => void;
}

/** A zip archive of these files: every second one deflated, the others stored. */
export function zip(
  files: Readonly<Record<string, Uint8Array>>,
  { zip64 = false, spoil = () => {} }: ZipOptions = {},
): Uint8Array {
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [i, [name, bytes]] of Object.entries(files).entries()) {
    const content = i % 2 === 0 ? deflateRawSync(bytes) : bytes;
    const encoded = new TextEncoder().encode(name);
    const local = new Uint8Array(30);
    const view = new DataView(local.buffer);
    view.setUint32(0, 0x04034b50, true);
    view.setUint16(26, encoded.length, true);
    view.setUint16(28, 4, true); // an extra field that the directory does not have
    pieces.push(local, encoded, Uint8Array.of(9, 9, 0, 0), content);

    const extra = zip64 ? new Uint8Array(28) : new Uint8Array();
    const entry = new Uint8Array(46);
    const fields = new DataView(entry.buffer);
    fields.setUint32(0, 0x02014b50, true);
    fields.setUint16(10, i % 2 === 0 ? 8 : 0, true);
    fields.setUint32(16, crc32(bytes), true);
    fields.setUint32(20, zip64 ? 0xffffffff : content.length, true);
    fields.setUint32(24, zip64 ? 0xffffffff : bytes.length, true);
    fields.setUint16(28, encoded.length, true);
    fields.setUint16(30, extra.length, true);
    fields.setUint32(42, zip64 ? 0xffffffff : offset, true);
    if (zip64) {
      const large = new DataView(extra.buffer);
      large.setUint16(0, 1, true);
      large.setUint16(2, 24, true);
      large.setBigUint64(4, BigInt(bytes.length), true);
      large.setBigUint64(12, BigInt(content.length), true);
      large.setBigUint64(20, BigInt(offset), true);
    }
    spoil(fields);
    directory.push(entry, encoded, extra);
    offset += 30 + encoded.length + 4 + content.length;
  }
  const directoryBytes = directory.reduce((sum, { length }) => sum + length, 0);
  if (zip64) {
    const end64 = new Uint8Array(56 + 20);
    const view = new DataView(end64.buffer);
    view.setUint32(0, 0x06064b50, true);
    view.setBigUint64(40, BigInt(directoryBytes), true);
    view.setBigUint64(48, BigInt(offset), true);
    view.setUint32(56, 0x07064b50, true);
    view.setBigUint64(64, BigInt(offset + directoryBytes), true);
    directory.push(end64);
  }
  const end = new Uint8Array(22);
  const view = new DataView(end.buffer);
  view.setUint32(0, 0x06054b50, true);
  view.setUint32(12, zip64 ? 0xffffffff : directoryBytes, true);
  view.setUint32(16, zip64 ? 0xffffffff : offset, true);
  return joined([...pieces, ...directory, end, new TextEncoder().encode("a comment")]);
}
