import { join } from "node:path";
import { InputError } from "../errors.ts";
import type { ImageSet, Progress } from "./image_set.ts";
import { packImages, unpackImages } from "./packed_file.ts";

/** Images that can tell their content without being decoded: one part of one data set. */
export interface Packable {
  /** Becomes the beginning of the cache file's name. */
  readonly name: string;
  /** Hexadecimal digest of everything the images are made from. */
  contentKey(progress: Progress): Promise<string>;
  /** Reads and decodes: slow, done once per key. */
  decode(progress: Progress): Promise<ImageSet>;
}

/**
 * The images of `source`: from the cache when it has them for this very content, otherwise decoded
 * and then cached. A cache file that is damaged is reported to `warn` and made again.
 *
 * @throws {InputError} If the files cannot be used, or the cache folder cannot be written.
 */
export async function packedOnce(
  source: Packable,
  cacheDir: string,
  progress: Progress,
  warn: (message: string) => void,
): Promise<ImageSet> {
  const key = await source.contentKey(progress);
  // A data set's folder may lie deeper ("photos/pets"); the cache is flat.
  const stem = source.name.replaceAll(/[^\w.-]+/g, "-");
  const path = join(cacheDir, `${stem}-${key.slice(0, 16)}.images`);
  const cached = await readCache(path, key, warn);
  if (cached !== null) return cached;
  // Before the slow part, so that a folder that cannot be made is told at once.
  await Deno.mkdir(cacheDir, { recursive: true }).catch((error) => refuseWriting(path, error));
  const images = await source.decode(progress);
  await writeCache(path, packImages(images, key));
  return images;
}

async function readCache(
  path: string,
  key: string,
  warn: (message: string) => void,
): Promise<ImageSet | null> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    const reason = (error as Error).message;
    throw new InputError(`Cannot read the cache ${path}: ${reason}, make it readable or delete it`);
  }
  try {
    return unpackImages(bytes, key);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    warn(`Reading the cache ${path}: ${error.message}; making it again from the images`);
    return null;
  }
}

async function writeCache(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  // Renaming is atomic: another run sees the whole file or none, even if this one is killed.
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await writePieces(temporary, pieces);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    refuseWriting(path, error as Error);
  }
}

function refuseWriting(path: string, error: Error): never {
  throw new InputError(
    `Cannot write the cache ${path}: ${error.message}; free some space or name a cache folder that ` +
      `can be written`,
  );
}

async function writePieces(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (const piece of pieces) {
    // One write may take only a part of a large piece.
    for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
  }
}
