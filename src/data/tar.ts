import { InputError } from "../errors.ts";

const BLOCK = 512;

/** What may come out of an archive. */
export interface TarLimits {
  /** Most bytes of one file that is wanted. */
  readonly fileBytes: number;
  /** Most bytes of the whole archive, unpacked. */
  readonly totalBytes: number;
}

/**
 * Reads files out of a `.tar.gz` archive into memory, unpacking as it reads. Nothing is written to disk,
 * and only names that are asked for count, so no name in the archive can lead anywhere.
 *
 * @param wanted Paths in the archive, without a leading `./`.
 * @param onBytes Called with the number of bytes of the archive read so far; what it throws ends the reading.
 * @returns Those that are there.
 * @throws {InputError} If the archive is damaged or holds more than `limits` allow.
 */
export async function readTarGz(
  path: string,
  wanted: ReadonlySet<string>,
  limits: TarLimits,
  onBytes: (bytes: number) => void = () => {},
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  let objection: { readonly thrown: unknown } | null = null;
  try {
    const file = await Deno.open(path);
    let read = 0;
    const counted = file.readable.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          try {
            onBytes(read += chunk.length);
          } catch (thrown) {
            objection = { thrown }; // of who listens, and so not of the archive
            throw thrown;
          }
          controller.enqueue(chunk);
        },
      }),
    );
    const reader = new TarReader(counted.pipeThrough(new DecompressionStream("gzip")), limits);
    try {
      for (let entry = await reader.next(); entry !== null; entry = await reader.next()) {
        const { name, size } = entry;
        const keep = entry.isFile && wanted.has(name) && !files.has(name);
        if (keep && size > limits.fileBytes) {
          throw new SyntaxError(
            `${name} in it has ${size} bytes, the limit is ${limits.fileBytes}`,
          );
        }
        if (keep) files.set(name, await reader.content(size));
        else await reader.skip(size);
      }
      await reader.drain();
    } finally {
      await reader.cancel();
    }
  } catch (error) {
    if (objection !== null) throw (objection as { readonly thrown: unknown }).thrown;
    throw new InputError(
      `Cannot read ${path}: ${(error as Error).message}, copy or download the archive again`,
    );
  }
  return files;
}

class TarReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #limits: TarLimits;
  #chunk = new Uint8Array();
  #total = 0;

  constructor(stream: ReadableStream<Uint8Array>, limits: TarLimits) {
    this.#reader = stream.getReader();
    this.#limits = limits;
  }

  /** The next entry's header; null at the end. */
  async next(): Promise<{ name: string; size: number; isFile: boolean } | null> {
    const header = await this.#take(BLOCK);
    if (header.every((byte) => byte === 0)) return null;
    const stored = octal(header, 148, 8);
    const sum = header.reduce((a, byte, i) => a + (i >= 148 && i < 156 ? 0x20 : byte), 0);
    if (stored !== sum) throw new SyntaxError("it is no tar archive, or damaged");
    const type = String.fromCharCode(header[156]);
    const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
    const name = (prefix === "" ? "" : `${prefix}/`) + text(header, 0, 100);
    return {
      name: name.replace(/^\.\//, ""),
      size: octal(header, 124, 12),
      isFile: type === "0" || type === "\0",
    };
  }

  async content(size: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.#take(size);
    await this.#take(padding(size));
    return bytes;
  }

  async skip(size: number): Promise<void> {
    for (let left = size + padding(size); left > 0;) {
      const part = Math.min(left, 2 ** 20);
      await this.#take(part);
      left -= part;
    }
  }

  /** Reads to the end: only there does gzip have its checksum, behind all that it has packed. */
  async drain(): Promise<void> {
    while (await this.#more());
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  async #take(size: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size;) {
      if (this.#chunk.length === 0 && !await this.#more()) {
        throw new SyntaxError("it is cut short");
      }
      const part = this.#chunk.subarray(0, size - at);
      bytes.set(part, at);
      at += part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
    return bytes;
  }

  /** Whether there is another chunk, which is then the one to read from. */
  async #more(): Promise<boolean> {
    const { value, done } = await this.#reader.read();
    if (done) return false;
    this.#chunk = value as Uint8Array<ArrayBuffer>;
    this.#total += this.#chunk.length;
    if (this.#total > this.#limits.totalBytes) {
      throw new SyntaxError(`it unpacks to more than ${this.#limits.totalBytes} bytes`);
    }
    return true;
  }
}

/** Files fill whole blocks. */
function padding(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}

function text(header: Uint8Array, at: number, length: number): string {
  const bytes = header.subarray(at, at + length);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function octal(header: Uint8Array, at: number, length: number): number {
  const digits = text(header, at, length).trim();
  if (!/^[0-7]+$/.test(digits)) throw new SyntaxError("it is no tar archive, or damaged");
  return Number.parseInt(digits, 8);
}
