import { constants, crc32, inflateRawSync } from "node:zlib";

/** One file of a zip archive, as its directory describes it. */
export interface ZipPlace {
  /** Path of the archive. */
  readonly archive: string;
  /** Path in the archive. */
  readonly name: string;
  /** Where its own header begins. */
  readonly offset: number;
  /** Bytes in the archive. */
  readonly packed: number;
  /** Bytes unpacked. */
  readonly size: number;
  readonly crc: number;
  readonly deflated: boolean;
}

const LOCAL_HEADER = 30;
const MOST_BYTES = 2 ** 28;

// Files of one archive are read one after the other: it stays open.
let open: { path: string; file: Deno.FsFile } | null = null;

/**
 * The bytes of a file in a zip archive.
 *
 * @throws {SyntaxError} If they are not what the archive's directory declares.
 */
export function readZipPlace(place: ZipPlace): Uint8Array<ArrayBuffer> {
  const { packed, size, crc, deflated } = place;
  if (size > MOST_BYTES || packed > MOST_BYTES) {
    throw new SyntaxError(`it declares ${size} bytes, the limit is ${MOST_BYTES}`);
  }
  const stored = readPacked(place, packed);
  const bytes = deflated ? inflate(stored, size) : stored;
  if (bytes.length !== size || crc32(bytes) !== crc) {
    throw new SyntaxError("its checksum does not match its content");
  }
  return bytes;
}

/** So many packed bytes unpack to more than the beginning that is asked for, and to little more. */
const START_BYTES = 1024;

/** The first `length` bytes of a file in a zip archive, fewer if it has not so many; no checksum is compared. */
export function readZipStart(place: ZipPlace, length: number): Uint8Array {
  const packed = readPacked(place, Math.min(place.packed, START_BYTES));
  if (!place.deflated) return packed.subarray(0, length);
  try {
    // What is cut off is not waited for.
    const bytes = inflateRawSync(packed, { finishFlush: constants.Z_SYNC_FLUSH });
    return new Uint8Array(bytes.subarray(0, length));
  } catch (error) {
    throw new SyntaxError(`it cannot be unpacked: ${(error as Error).message}`);
  }
}

/** The first `length` bytes of what the archive has of a file. */
function readPacked({ archive, offset }: ZipPlace, length: number): Uint8Array<ArrayBuffer> {
  if (open?.path !== archive) {
    open?.file.close();
    open = { path: archive, file: Deno.openSync(archive) };
  }
  const header = readExactly(open.file, offset, LOCAL_HEADER);
  const view = new DataView(header.buffer);
  if (view.getUint32(0, true) !== 0x04034b50) throw new SyntaxError("its header is damaged");
  // Name and extra fields may be longer here than in the directory.
  const start = offset + LOCAL_HEADER + view.getUint16(26, true) + view.getUint16(28, true);
  return readExactly(open.file, start, length);
}

function inflate(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  try {
    // A limit of 0 would mean none.
    return Uint8Array.from(inflateRawSync(bytes, { maxOutputLength: Math.max(1, size) }));
  } catch (error) {
    throw new SyntaxError(`it cannot be unpacked: ${(error as Error).message}`);
  }
}

/** `length` bytes of the file from `offset` on. */
export function readExactly(
  file: Deno.FsFile,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let at = 0; at < length;) {
    const count = file.readSync(bytes.subarray(at));
    if (count === null) throw new SyntaxError("the file is cut short");
    at += count;
  }
  return bytes;
}
