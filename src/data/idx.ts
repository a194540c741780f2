import { InputError } from "../errors.ts";
import type { Packable } from "./cache.ts";
import { noteLeftOut } from "./class_order.ts";
import { chooseClasses, type ClassChoice, renumbered } from "./class_selection.ts";
import { contentKey } from "./content_key.ts";
import { FASHION_MNIST } from "./fashion_mnist.ts";
import {
  checkLabels,
  idxClassNames,
  type IdxPartName,
  isFashionMnist,
  readIdxOf,
} from "./idx_files.ts";
import type { Progress } from "../images/image_set.ts";
import { type SubsetChoice, takeSubset } from "./subset.ts";

/** What is taken of an idx data set. */
export interface IdxPartOptions extends ClassChoice, SubsetChoice {
  readonly part: IdxPartName;
  /** Height and width that the images must have, in pixels. */
  readonly size: number;
}

/**
 * One part of a data set in idx format, in the order of its files: grey images, widened to RGB, and a label
 * each. The classes are those of the training part.
 *
 * @param root The folder that holds the files.
 * @param warn Told when the number of images is not the published one.
 */
export function idxPart(
  root: string,
  name: string,
  { part, size, perClass, subsetSeed = 0, classes = null, exclude = [] }: IdxPartOptions,
  warn: (message: string) => void,
): Packable {
  let read: ReturnType<typeof readAll> | null = null;

  const readAll = async (progress: Progress) => {
    const labels = await readIdxOf(root, part, "labels", progress);
    const trainLabels = part === "train"
      ? labels
      : await readIdxOf(root, "train", "labels", progress);
    const images = await readIdxOf(root, part, "images", progress);
    const all = idxClassNames(root, trainLabels);
    checkLabels(images, labels, all.length);
    const [count, height, width] = images.shape;
    if (height !== size || width !== size) {
      throw new InputError(
        `Cannot open ${root}: the size asked for is ${size} pixels and its images have ${height} x ${width}` +
          (height === width ? `, set the size to ${height}` : "; idx images are not resized"),
      );
    }
    const chosen = chooseClasses(all, { classes, exclude }, root);
    const classNames = chosen.map((number) => all[number]);
    const ofImages = renumbered(labels.values, chosen);
    const taken = takeSubset(ofImages, classNames, part, { perClass, subsetSeed }, root);
    const digests = [images, labels].flatMap(({ digest }) => [...digest]);
    return {
      images: images.values,
      count,
      all,
      classNames,
      taken,
      labels: Uint16Array.from(taken, (place) => ofImages[place]),
      digests: Uint8Array.from(digests),
      published: isFashionMnist(root, trainLabels) ? FASHION_MNIST.records[part] : null,
    };
  };

  const keyOf = (classNames: readonly string[], digests: Uint8Array) => {
    const subset = perClass === null ? { perClass } : { perClass, subsetSeed };
    const files = [`${part}-images`, `${part}-labels`];
    return contentKey({ format: "idx", size, ...subset, classNames }, files, digests);
  };

  return {
    name,
    async contentKey(progress) {
      const { all, count, classNames, digests, published } = await (read ??= readAll(progress));
      if (published !== null && count !== published) {
        warn(
          `Reading ${root}: the ${part} files have ${count} images where those of ${FASHION_MNIST.title} have ` +
            `${published}; if that is not meant, download them again`,
        );
      }
      const left = noteLeftOut(all, classNames);
      // The classes of the test part are the same.
      if (left !== null && part === "train") warn(`Reading ${root}: ${left}`);
      return keyOf(classNames, digests);
    },
    async info() {
      const { taken, labels, classNames } = await (read ??= readAll(() => {}));
      return { name, height: size, width: size, count: taken.length, labels, classNames };
    },
    async decode(put, progress) {
      const { images, taken, classNames, digests } = await (read ??= readAll(progress));
      for (let first = 0; first < taken.length; first += 1000) {
        const some = taken.subarray(first, first + 1000);
        put(first, widened(images, some, size * size));
        progress(first + some.length, taken.length, `packing ${name}`);
      }
      return keyOf(classNames, digests);
    },
  };
}

/** RGB bytes of the images at `places`, three equal bytes for each grey one. */
function widened(images: Uint8Array, places: Uint32Array, pixels: number): Uint8Array {
  const rgb = new Uint8Array(places.length * pixels * 3);
  let to = 0;
  for (const place of places) {
    for (let i = place * pixels; i < (place + 1) * pixels; i++) {
      rgb[to++] = images[i];
      rgb[to++] = images[i];
      rgb[to++] = images[i];
    }
  }
  return rgb;
}
