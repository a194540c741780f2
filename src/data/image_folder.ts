import type { Packable } from "./cache.ts";
import { contentKey } from "./content_key.ts";
import { forEachBatch, mapFiles } from "./file_pool.ts";
import type { FileTree } from "./file_tree.ts";
import type { ImageListing } from "./image_listing.ts";
import type { Resize } from "./resize.ts";

/** The listed images, decoded in worker threads to `size` x `size` pixels. */
export function imageFolderPart(
  tree: FileTree,
  name: string,
  { classNames, labels, paths }: ImageListing,
  { size, resize = "none" }: { readonly size: number; readonly resize?: Resize },
): Packable {
  const count = labels.length;
  const places = paths.map((path) => tree.place(path));
  return {
    name,
    async contentKey(progress) {
      const onDone = (done: number) => progress(done, count, `reading ${name}`);
      const digests = await mapFiles({ kind: "digest" }, places, onDone);
      // With labels, since in Tiny-ImageNet's validation part the paths do not tell the class.
      const description = { format: "image_folder", size, resize, classNames, labels: [...labels] };
      return contentKey(description, paths, digests);
    },
    info: () => Promise.resolve({ name, height: size, width: size, count, labels, classNames }),
    async decode(put, progress) {
      await forEachBatch(
        { kind: "decode", size, resize },
        places,
        (first, { bytes }) => put(first, bytes),
        (done) => progress(done, count, `decoding ${name}`),
      );
    },
  };
}
