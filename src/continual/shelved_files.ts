import { sha256 } from "../digest.ts";
import { encodeSafetensors } from "../net/safetensors.ts";
import { type Files, MemoryLearnerStore, type Shelf } from "./store.ts";

// Files of a learner by their places, as one safetensors file holds them: each is a tensor of bytes.

/** A file of a bundle on a shelf, as in `day/000000003/episodes.safetensors`: no name leads anywhere else. */
export const PLACE = /^([a-z]+)\/(\d+(?:-\d+)?)\/([a-z]+\.[a-z]+)$/;

/**
 * Files, in their order, as one safetensors file.
 *
 * @param metadata is given the SHA-256 of each file by its place, as JSON
 */
export async function encodeFiles(
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  metadata: (digests: string) => Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const digests: Record<string, string> = {};
  for (const [place, data] of files) digests[place] = await sha256(data);
  return encodeSafetensors(
    new Map(
      [...files].map(([place, data]) => [place, { dtype: "U8", shape: [data.length], data }]),
    ),
    metadata(JSON.stringify(digests)),
  );
}

/**
 * Puts those that have a {@linkcode PLACE} on the shelves of a new store.
 *
 * @param name of the store, for messages
 */
export async function shelve(
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  name: string,
): Promise<MemoryLearnerStore> {
  const bundles = new Map<string, Files>();
  for (const [place, data] of files) {
    const [, shelf, bundle, file] = PLACE.exec(place) ?? [];
    if (shelf === undefined) continue;
    const key = `${shelf}/${bundle}`;
    bundles.set(key, { ...bundles.get(key), [file]: data });
  }
  const store = new MemoryLearnerStore(name);
  for (const [key, files] of bundles) {
    const [shelf, bundle] = key.split("/") as [Shelf, string];
    await store.write(shelf, bundle, files);
  }
  return store;
}
