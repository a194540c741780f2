import { dirname, join } from "node:path";
import { InputError } from "../errors.ts";
import type { ImageInfo, ImageSet, Progress } from "../images/image_set.ts";
import { openPacked, PackedWriter } from "./packed_file.ts";
import { TemporaryFile } from "./temporary_file.ts";

/** Images that can tell their content without being decoded: one part of one data set. */
export interface Packable {
  /** Becomes the beginning of the cache file's name. */
  readonly name: string;
  /** Hexadecimal digest of everything the images are made from. */
  contentKey(progress: Progress): Promise<string>;
  /**
   * A digest of what the content key is made from, with sizes and times of the files instead of their
   * bytes: cheap, and enough to know an earlier key again. Null while a file is so new that it could
   * change once more without another time.
   */
  stamp?(): string | null;
  /** What the images are; called when they have to be decoded. */
  info(): Promise<ImageInfo>;
  /**
   * Reads and decodes, and hands over the images as they come: slow, done once per key.
   *
   * @returns The content key of the very bytes that were decoded.
   */
  decode(put: PutImages, progress: Progress): Promise<string>;
}

/** Takes over the RGB bytes of the images `first`, `first + 1`, ... */
export type PutImages = (first: number, pixels: Uint8Array) => void;

/** Where packed images are kept. */
export interface CacheOptions {
  readonly cacheDir: string;
  /** Sets whose pixels take more than this stay in their file. */
  readonly mostBytes: number;
  readonly progress: Progress;
  /** Told of a damaged file, which is then made again. */
  readonly warn: (message: string) => void;
}

/**
 * The images of `source`: from the cache when it has them for this very content, otherwise decoded
 * and then cached.
 *
 * @throws {InputError} If the files cannot be used, or the cache folder cannot be written.
 */
export async function packedOnce(source: Packable, options: CacheOptions): Promise<ImageSet> {
  const { cacheDir, mostBytes, progress, warn } = options;
  // A data set's folder may lie deeper ("photos/pets"); the cache is flat.
  const stem = source.name.replaceAll(/[^\w.-]+/g, "-");
  const known = await knownKey(source, join(cacheDir, stem), progress);
  const { key } = known;
  const path = join(cacheDir, `${stem}-${key.slice(0, 16)}.images`);
  const cached = readCache(path, key, mostBytes, warn);
  if (cached !== null) return cached;
  // Before the slow part, so that a folder that cannot be made is told at once.
  await Deno.mkdir(cacheDir, { recursive: true }).catch((error) => refuseWriting(path, error));
  await writeCache(path, known, source, progress);
  return openPacked(path, key, mostBytes);
}

/** A content key, and where it is noted for the next time, if it is. */
interface KnownKey {
  readonly key: string;
  readonly note: string | null;
}

/**
 * The content key, without reading every byte where nothing has changed since the last time: reading
 * ImageNet takes minutes.
 */
async function knownKey(source: Packable, stem: string, progress: Progress): Promise<KnownKey> {
  const stamp = source.stamp?.() ?? null;
  if (stamp === null) return { key: await source.contentKey(progress), note: null };
  const path = `${stem}-${stamp.slice(0, 16)}.key`;
  try {
    const [known, key] = Deno.readTextFileSync(path).split("\n");
    if (known === stamp && /^[0-9a-f]{64}$/.test(key)) return { key, note: path };
  } catch {
    // Not there, or not readable: it only saves time.
  }
  const key = await source.contentKey(progress);
  try {
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, `${stamp}\n${key}\n`);
  } catch {
    // The cache itself will tell, if it has to be written.
  }
  return { key, note: path };
}

function readCache(
  path: string,
  key: string,
  mostBytes: number,
  warn: (message: string) => void,
): ImageSet | null {
  try {
    return openPacked(path, key, mostBytes);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    const { message } = error as Error;
    if (!(error instanceof SyntaxError)) {
      throw new InputError(
        `Cannot read the cache ${path}: ${message}, make it readable or delete it`,
      );
    }
    warn(`Reading the cache ${path}: ${message}; making it again from the images`);
    return null;
  }
}

async function writeCache(
  path: string,
  { key, note }: KnownKey,
  source: Packable,
  progress: Progress,
): Promise<void> {
  const info = await source.info();
  const writing = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      refuseWriting(path, error as Error);
    }
  };
  using temporary = writing(() => new TemporaryFile(path, isCache));
  const writer = writing(() => new PackedWriter(temporary.file, info, key));
  const put: PutImages = (first, pixels) => writing(() => writer.write(first, pixels));
  // Files are read once for the key and once more, maybe minutes later, to be decoded.
  if (await source.decode(put, progress) !== key) {
    if (note !== null) await Deno.remove(note).catch(() => {});
    throw new InputError(
      `Cannot pack ${source.name}: its files are not those that they were when they were read first; ` +
        `let nothing change them, and start again`,
    );
  }
  writing(() => {
    writer.finish();
    temporary.rename();
  });
}

/** Whether a file is a cache, of whatever images: a set that is never opened again is cleared up after as well. */
const isCache = (name: string) => /-[0-9a-f]{16}\.images$/.test(name);

function refuseWriting(path: string, error: Error): never {
  throw new InputError(
    `Cannot write the cache ${path}: ${error.message}; free some space, or name another cache ` +
      `folder (the command line's is in XDG_CACHE_HOME)`,
  );
}
