import { join } from "node:path";
import { InputError } from "../errors.ts";
import type { Packable } from "./cache.ts";
import { contentKey } from "./content_key.ts";
import { mapFiles } from "./file_pool.ts";
import { foldersIn, imageNamesIn, isFile, isFolder } from "./folder_listing.ts";
import { annotatedImages } from "./tiny_imagenet.ts";

/** The image files of one part of a data set, sorted by class, then by name. */
export interface ImageListing {
  readonly classNames: readonly string[];
  /** Relative to the data set's folder, one per image. */
  readonly paths: readonly string[];
  /** Class index per image. */
  readonly labels: Uint16Array<ArrayBuffer>;
}

/** `train/CLASS/*`, or `train/CLASS/images/*` as Tiny-ImageNet has it. */
export function listTrain(root: string, perClass: number | null): ImageListing {
  if (!isFolder(join(root, "train"))) {
    throw new InputError(
      `Cannot open the image folder ${root}: it has no folder train, put the images into ` +
        `train/CLASS and test/CLASS`,
    );
  }
  return listClasses(root, "train", perClass);
}

/**
 * `test/CLASS/*`, else `val/CLASS/*`, else Tiny-ImageNet's `val/images` with `val_annotations.txt`.
 *
 * @throws {InputError} If there is none of them, or the classes differ from those of `train`.
 */
export function listTest(
  root: string,
  perClass: number | null,
  classNames: readonly string[],
): ImageListing {
  if (isFile(join(root, "val", "val_annotations.txt")) && !isFolder(join(root, "test", "images"))) {
    return group(root, annotatedImages(root, classNames), perClass, "val/images");
  }
  const part = ["test", "val"].find((name) => isFolder(join(root, name)));
  if (part === undefined) {
    throw new InputError(
      `Cannot open the image folder ${root}: it has neither test nor val, put the test images into ` +
        `test/CLASS`,
    );
  }
  const listing = listClasses(root, part, perClass);
  const missing = classNames.filter((name) => !listing.classNames.includes(name));
  const extra = listing.classNames.filter((name) => !classNames.includes(name));
  if (missing.length + extra.length > 0) {
    throw new InputError(
      `Cannot open the image folder ${root}: train and ${part} have different classes (only in ` +
        `train: ${some(missing)}; only in ${part}: ${some(extra)}), give both the same folders`,
    );
  }
  return listing;
}

/** A dream set: `train/CLASS/*` where there is a folder `train`, else `CLASS/*`. */
export function listDreams(root: string, perClass: number | null): ImageListing {
  return listClasses(root, isFolder(join(root, "train")) ? "train" : "", perClass);
}

/** The listed images of `size` x `size` pixels, decoded in worker threads. */
export function imageFolderPart(
  root: string,
  name: string,
  listing: ImageListing,
  size: number,
): Packable {
  const { classNames, labels } = listing;
  const count = labels.length;
  const paths = listing.paths.map((path) => join(root, path));
  return {
    name,
    async contentKey(progress) {
      const onDone = (done: number) => progress(done, count, `reading ${name}`);
      const digests = await mapFiles({ kind: "digest" }, paths, onDone);
      // With labels, since in Tiny-ImageNet's validation part the paths do not tell the class.
      const description = { format: "image_folder", size, classNames, labels: [...labels] };
      return contentKey(description, listing.paths, digests);
    },
    async decode(progress) {
      const onDone = (done: number) => progress(done, count, `decoding ${name}`);
      const pixels = await mapFiles({ kind: "decode", size }, paths, onDone);
      return { name, height: size, width: size, count, pixels, labels, classNames };
    },
  };
}

function listClasses(root: string, part: string, perClass: number | null): ImageListing {
  const classNames = foldersIn(join(root, part));
  if (classNames.length === 0) {
    throw new InputError(
      `Cannot open the image folder ${join(root, part)}: it has no class folders, put the images ` +
        `of each class into a folder of their own`,
    );
  }
  const files = new Map(classNames.map((name) => {
    const folder = join(part, name);
    const nested = isFolder(join(root, folder, "images")) ? join(folder, "images") : folder;
    return [name, imageNamesIn(join(root, nested)).map((file) => join(nested, file))];
  }));
  return group(root, files, perClass, part);
}

/** Takes the first `perClass` files of each class and numbers the classes in the map's order. */
function group(
  root: string,
  files: ReadonlyMap<string, readonly string[]>,
  perClass: number | null,
  part: string,
): ImageListing {
  const paths: string[] = [];
  const labels: number[] = [];
  for (const [label, [name, all]] of [...files].entries()) {
    if (all.length === 0 || all.length < (perClass ?? 0)) {
      const wanted = perClass === null ? "at least 1 is" : `${perClass} are`;
      throw new InputError(
        `Cannot open the image folder ${
          join(root, part)
        }: class ${name} has ${all.length} JPEG or ` +
          `PNG files and ${wanted} needed, add images or lower the limit per class`,
      );
    }
    const taken = all.slice(0, perClass ?? all.length);
    paths.push(...taken);
    labels.push(...taken.map(() => label));
  }
  return { classNames: [...files.keys()], paths, labels: Uint16Array.from(labels) };
}

function some(names: readonly string[]): string {
  if (names.length === 0) return "none";
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and more`;
}
