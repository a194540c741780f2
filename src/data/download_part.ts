import { InputError } from "../errors.ts";

/**
 * What has come of a file, `FILE.part`. An answer that begins at the file's first byte again does not cost
 * what is held: its bytes are compared with those, and only where they differ is the rest given up.
 */
export class PartFile implements Disposable {
  readonly path: string;
  readonly #file: Deno.FsFile;
  #held: number;
  #most: number;

  /** @throws {InputError} If it cannot be opened. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#file = Deno.openSync(path, { read: true, write: true, create: true });
      this.#held = this.#most = this.#file.statSync().size;
    } catch (error) {
      refuseWriting(path, error as Error);
    }
  }

  /** Bytes that are there. */
  get held(): number {
    return this.#held;
  }

  /** The most bytes that were ever there. */
  get most(): number {
    return this.#most;
  }

  /**
   * Puts bytes at `at`, which is at most `held`.
   *
   * @returns Whether those that were there already are the same; if not, what was behind is gone.
   * @throws {InputError} If they cannot be written.
   */
  write(at: number, bytes: Uint8Array): boolean {
    try {
      const there = this.#read(at, Math.min(bytes.length, this.#held - at));
      const other = there.findIndex((byte, i) => byte !== bytes[i]);
      const same = other < 0 ? there.length : other;
      if (other >= 0) this.#file.truncateSync(this.#held = at + same);
      this.#file.seekSync(at + same, Deno.SeekMode.Start);
      for (let i = same; i < bytes.length;) {
        const written = this.#file.writeSync(bytes.subarray(i));
        i += written;
        this.#held += written;
      }
      this.#most = Math.max(this.#most, this.#held);
      return other < 0;
    } catch (error) {
      refuseWriting(this.path, error as Error);
    }
  }

  /** Gives up what is there. */
  clear(): void {
    this.#file.truncateSync(this.#held = this.#most = 0);
  }

  /** Closes the file; one without a byte is removed. */
  [Symbol.dispose](): void {
    this.#file.close();
    if (this.#held === 0) Deno.removeSync(this.path);
  }

  #read(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, length));
    this.#file.seekSync(at, Deno.SeekMode.Start);
    for (let i = 0; i < bytes.length;) {
      const count = this.#file.readSync(bytes.subarray(i));
      if (count === null) throw new Error("another program has cut it short");
      i += count;
    }
    return bytes;
  }
}

/** @throws {InputError} Always: that `path` cannot be written. */
export function refuseWriting(path: string, error: Error): never {
  throw new InputError(
    `Cannot write ${path}: ${error.message}; free some space or name another folder with --data`,
  );
}
