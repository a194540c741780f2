import { join } from "node:path";
import { sha256 } from "../digest.ts";
import { InputError } from "../errors.ts";
import { parseJson } from "../experiment/json.ts";
import { isThere, removeIfThere, syncFolder, writeNew } from "./durable.ts";

// Folders of files that are whole or not there, whatever happens while they are written: a checkpoint, a generation.

const DONE = "DONE";
const PART = ".part";

/** Files by name. */
type Files = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/**
 * Writes a folder `name` with these files on a shelf, which is made if need be. It is written to `NAME.part`, brought
 * to disk, renamed, and only then marked as done, with sizes and digests of its files: a program or a machine that dies
 * meanwhile leaves at most something that readers pass over. One of the same name is replaced, and parts that others
 * left are removed: whoever writes is alone.
 *
 * @returns bytes written
 */
export async function writeWhole(shelf: string, name: string, files: Files): Promise<number> {
  const path = join(shelf, name);
  const part = path + PART;
  Deno.mkdirSync(shelf, { recursive: true });
  for (const { name } of Deno.readDirSync(shelf)) {
    if (name.endsWith(PART)) removeIfThere(join(shelf, name));
  }
  const done: Record<string, FileDigest> = {};
  try {
    Deno.mkdirSync(part);
    for (const [file, bytes] of Object.entries(files)) {
      done[file] = { bytes: bytes.length, sha256: await sha256(bytes) };
      writeNew(join(part, file), bytes);
    }
    syncFolder(part);
  } catch (error) {
    removeIfThere(part); // a full disk has other uses for the room
    throw error;
  }
  removeIfThere(path); // a broken one of the same name, or a reader would have begun there
  Deno.renameSync(part, path);
  syncFolder(shelf);
  writeNew(join(path, DONE), new TextEncoder().encode(JSON.stringify(done) + "\n"));
  syncFolder(path);
  return Object.values(files).reduce((sum, { length }) => sum + length, 0);
}

/**
 * Reads files of such a folder, and compares them with what was written.
 *
 * @param what it is, for messages: `checkpoint`
 * @param wanted names of files; default: all that it has
 * @throws {InputError} for one that is not whole.
 */
export async function readWhole(
  path: string,
  what: string,
  wanted?: readonly string[],
): Promise<Files> {
  const fail = (found: string): never => {
    throw new InputError(`Cannot use ${what} ${path}: ${found}`);
  };
  const read = (file: string) => {
    try {
      return Deno.readFileSync(join(path, file));
    } catch (error) {
      return fail(
        error instanceof Deno.errors.NotFound
          ? `it has no ${file}, so writing it did not come to its end`
          : `${file} cannot be read (${(error as Error).message})`,
      );
    }
  };
  const done = digests(read(DONE), wanted ?? [], fail);
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  for (const file of wanted ?? Object.keys(done)) {
    const bytes = read(file);
    const { bytes: length, sha256: digest } = done[file];
    if (bytes.length !== length) fail(`${file} has ${bytes.length} bytes, ${length} were written`);
    if (await sha256(bytes) !== digest) fail(`${file} is damaged: its checksum is another`);
    files[file] = bytes;
  }
  return files;
}

/**
 * Names on a shelf that fit a pattern, in no order; some may be broken, none is still being written. None where there
 * is no shelf.
 *
 * @param what is on it, for messages: `checkpoints`
 */
export function namesOn(shelf: string, what: string, pattern: RegExp): string[] {
  try {
    return [...Deno.readDirSync(shelf)].map(({ name }) => name).filter((name) =>
      pattern.test(name)
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw new InputError(`Cannot read ${what} in ${shelf}: ${(error as Error).message}`);
  }
}

/** Whether such a folder is marked as done. */
export function isWhole(path: string): boolean {
  return isThere(join(path, DONE));
}

/** Removes such a folder, if it is there. */
export function removeWhole(path: string): void {
  // The mark goes first: what is half-removed must not look whole.
  removeIfThere(join(path, DONE));
  removeIfThere(path);
}

interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

function digests(
  bytes: Uint8Array,
  wanted: readonly string[],
  fail: (found: string) => never,
): Record<string, FileDigest> {
  let done: unknown = null;
  try {
    done = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes), DONE);
  } catch {
    // said below
  }
  const isDigest = (entry: unknown) =>
    isRecord(entry) && Number.isSafeInteger(entry.bytes) && typeof entry.sha256 === "string";
  const whole = isRecord(done) && Object.values(done).every(isDigest) &&
    wanted.every((file) => Object.hasOwn(done as object, file));
  return whole ? done as Record<string, FileDigest> : fail(`${DONE} is not as it was written`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
