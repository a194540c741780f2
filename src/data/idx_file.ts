import { InputError } from "../errors.ts";

/** What an idx file holds: unsigned bytes, the last index running fastest. */
export interface IdxFile {
  /** Images: number, rows, columns. Labels: number. */
  readonly shape: readonly number[];
  /** `[...shape]`. */
  readonly values: Uint8Array<ArrayBuffer>;
  /** The whole file, unpacked: header and values. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Dimensions of what a file may hold. */
const DIMENSIONS = { images: 3, labels: 1 } as const;

const UNSIGNED_BYTES = 0x08;
const MOST_SIDE = 1024;
/** EMNIST's largest file unpacks to 638 MB. */
const MOST_BYTES = 2 ** 30;
/** Deflate makes a byte of at most 1032. */
const MOST_RATIO = 1032;

/**
 * Reads an idx file (http://yann.lecun.com/exdb/mnist/, "The IDX file format"), as it is or packed by gzip,
 * which its first bytes tell. No more is unpacked than the header says, and the header is not believed
 * beyond what the file can hold.
 *
 * @param onBytes Called with the bytes read, unpacked, of all; what it throws ends the reading.
 * @throws {InputError} If it is no such file, or damaged.
 */
export async function readIdx(
  path: string,
  kind: keyof typeof DIMENSIONS,
  onBytes: (done: number, total: number) => void = () => {},
): Promise<IdxFile> {
  const file = readWhole(path);
  const isPacked = file[0] === 0x1f && file[1] === 0x8b;
  const reader = new Blob([file]).stream()
    .pipeThrough(isPacked ? new DecompressionStream("gzip") : new TransformStream()).getReader();
  const next = async () => {
    try {
      return (await reader.read()).value ?? null;
    } catch (error) {
      return refuse(path, `it is damaged or cut short (${(error as Error).message})`);
    }
  };
  const headerBytes = 4 + 4 * DIMENSIONS[kind];
  let bytes = new Uint8Array(headerBytes);
  let shape: number[] | null = null;
  let done = 0;
  try {
    for (let chunk = await next(); chunk !== null; chunk = await next()) {
      while (chunk.length > 0) {
        if (done === bytes.length) refuse(path, "it goes on behind what its header says");
        const part: Uint8Array = chunk.subarray(0, bytes.length - done);
        bytes.set(part, done);
        done += part.length;
        chunk = chunk.subarray(part.length);
        if (shape === null && done === headerBytes) {
          shape = shapeIn(bytes, path, kind);
          const total = headerBytes + shape.reduce((a, b) => a * b);
          checkTotal(total, file.length, isPacked, path);
          const whole = new Uint8Array(total);
          whole.set(bytes);
          bytes = whole;
        }
      }
      onBytes(done, bytes.length);
    }
  } finally {
    await reader.cancel().catch(() => {}); // which tells again what reading has told
  }
  if (shape === null || done < bytes.length) {
    refuse(path, `it is cut short: ${done} bytes where ${bytes.length} are expected`);
  }
  return { shape, values: bytes.subarray(headerBytes), bytes };
}

function readWhole(path: string): Uint8Array<ArrayBuffer> {
  try {
    const { size } = Deno.statSync(path);
    if (size <= MOST_BYTES) return Deno.readFileSync(path);
    return refuse(path, `it has ${size} bytes, at most ${MOST_BYTES} are read`);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      `Cannot read ${path}: ${(error as Error).message}, restore the file or its permissions`,
    );
  }
}

function shapeIn(header: Uint8Array, path: string, kind: keyof typeof DIMENSIONS): number[] {
  const [zero, zeroToo, type, dimensions] = header;
  const hex = (bytes: Iterable<number>) =>
    [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const magic = [0, 0, UNSIGNED_BYTES, DIMENSIONS[kind]];
  if (zero !== 0 || zeroToo !== 0 || dimensions < 1 || dimensions > 4) {
    refuse(
      path,
      `it begins with the bytes ${hex(header.subarray(0, 4))}, and an idx file of ${kind} with ` +
        hex(magic),
    );
  }
  if (type !== UNSIGNED_BYTES) {
    refuse(path, `its values are of type 0x${hex([type])}, and ${kind} are unsigned bytes, 0x08`);
  }
  if (dimensions !== DIMENSIONS[kind]) {
    const s = dimensions === 1 ? "" : "s";
    refuse(path, `it has ${dimensions} dimension${s}, and ${kind} have ${DIMENSIONS[kind]}`);
  }
  const view = new DataView(header.buffer, header.byteOffset);
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const [count, ...sides] = shape;
  if (count === 0) refuse(path, `it holds no ${kind}`);
  if (sides.some((side) => side < 1 || side > MOST_SIDE)) {
    refuse(path, `its images have ${sides.join(" x ")} pixels, 1 to ${MOST_SIDE} are possible`);
  }
  return shape;
}

function checkTotal(total: number, there: number, isPacked: boolean, path: string): void {
  if (total > MOST_BYTES) {
    refuse(path, `its header says ${total} bytes, at most ${MOST_BYTES} are read`);
  }
  if (isPacked ? total > there * MOST_RATIO : total > there) {
    refuse(path, `it is cut short: ${there} bytes cannot hold the ${total} that its header says`);
  }
}

function refuse(path: string, found: string): never {
  throw new InputError(`Cannot read ${path}: ${found}; copy or download it again`);
}
