import { InputError } from "../errors.ts";
import type { Packable } from "./cache.ts";
import { contentKey, DIGEST_BYTES } from "./content_key.ts";
import { forEachBatch, mapFiles } from "./file_pool.ts";
import type { FilePlace, FileTree } from "./file_tree.ts";
import type { ImageListing } from "./image_listing.ts";
import type { Resize } from "../images/source.ts";

/** What is made of the files. */
interface FolderImages {
  /** Height and width in pixels. */
  readonly size: number;
  readonly resize?: Resize;
  /** Whether images are turned upright; otherwise they stay as they are stored. */
  readonly turned: boolean;
}

/** The listed images, decoded in worker threads to `size` x `size` pixels. */
export function imageFolderPart(
  tree: FileTree,
  name: string,
  { classNames, labels, paths }: ImageListing,
  { size, resize = "none", turned }: FolderImages,
): Packable {
  const count = labels.length;
  const places = paths.map((path) => tree.place(path));
  // With labels, since in Tiny-ImageNet's validation part the paths do not tell the class.
  const description = {
    format: "image_folder",
    ...{ size, resize, turned, classNames },
    labels: [...labels],
  };
  return {
    name,
    stamp: () => stampOf(description, paths, places),
    async contentKey(progress) {
      const onDone = (done: number) => progress(done, count, `reading ${name}`);
      const digests = await mapFiles({ kind: "digest" }, places, onDone);
      return contentKey(description, paths, digests);
    },
    info: () => Promise.resolve({ name, height: size, width: size, count, labels, classNames }),
    async decode(put, progress) {
      const all = new Uint8Array(count * DIGEST_BYTES);
      await forEachBatch(
        { kind: "decode", size, resize, turned },
        places,
        (first, { bytes, digests }) => {
          all.set(digests, first * DIGEST_BYTES);
          put(first, bytes);
        },
        (done) => progress(done, count, `decoding ${name}`),
      );
      return contentKey(description, paths, all);
    },
  };
}

/** Milliseconds after which a file that changes gets another time, on any file system. */
const SETTLED = 3000;

function stampOf(
  description: Readonly<Record<string, unknown>>,
  paths: readonly string[],
  places: readonly FilePlace[],
): string | null {
  const files = new Set(
    places.map((place) => typeof place === "string" ? place : place.archive),
  );
  const states = new Float64Array(files.size * 3);
  let at = 0;
  let newest = 0;
  for (const file of files) {
    const { size, mtime, ctime } = statOf(file);
    // The time of the last change of any kind tells a changed file whose date was set back.
    const times = [mtime?.getTime() ?? 0, ctime?.getTime() ?? 0];
    newest = Math.max(newest, ...times);
    states.set([size, ...times], at);
    at += 3;
  }
  if (newest > Date.now() - SETTLED) return null;
  return contentKey({ ...description, files: [...files] }, paths, new Uint8Array(states.buffer));
}

function statOf(path: string): Deno.FileInfo {
  try {
    return Deno.statSync(path);
  } catch (error) {
    throw new InputError(
      `Cannot read ${path}: ${(error as Error).message}, restore the file or its permissions`,
    );
  }
}
