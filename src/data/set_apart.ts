import { InputError } from "../errors.ts";
import type { FileTree } from "./file_tree.ts";
import {
  chosenClasses,
  type ImageListing,
  listClasses,
  type ListingOptions,
  testPart,
  trainingPart,
} from "./image_listing.ts";
import { nameText } from "../images/look_alike.ts";
import { drawSubset, type SubsetPart } from "./subset.ts";

/** Least images of a class that are set apart, however small the share. */
const LEAST_APART = 3;

/** How many of a class's images are set apart to test. */
function countApart(count: number, share: number): number {
  return Math.max(LEAST_APART, Math.round(share * count));
}

/** Whether a folder has class folders to learn and none to test. */
export function lacksTest(tree: FileTree): boolean {
  if (trainingPart(tree) === "") return true;
  return testPart(tree) === undefined && !tree.isFile("val/val_annotations.txt");
}

/**
 * One part of class folders that are divided here: a share of each class's images tests, at least
 * {@linkcode LEAST_APART}, and the others train. Which ones follows from the seed of the subset, the class's name and
 * the number of its images, so that every run sees the same. The folders are `train/CLASS`, or `CLASS`.
 *
 * @param classNames For the test part, those of the training part.
 * @throws {InputError} If there is a folder of test images, or a class has too few images.
 */
export function listApart(
  tree: FileTree,
  part: SubsetPart,
  share: number,
  options: ListingOptions,
  classNames?: readonly string[],
): ImageListing {
  if (!lacksTest(tree)) {
    throw new InputError(
      `Cannot set images of ${tree.root} apart to test: it has test images in ${
        testPart(tree) ?? "val"
      }, ` +
        `leave testShare out or move that folder elsewhere`,
    );
  }
  const folder = trainingPart(tree);
  const names = classNames ?? chosenClasses(tree, folder, options);
  const { subsetSeed } = options;
  const pick = (name: string, files: readonly string[]) => {
    const perClass = countApart(files.length, share);
    if (perClass >= files.length) {
      throw new InputError(
        `Cannot set images of ${tree.root} apart to test: class ${
          nameText(name)
        } has ${files.length}, and at least ` +
          `${
            perClass + 1
          } are needed, ${perClass} to test and others to learn; add images, or leave the class out`,
      );
    }
    const apart = new Set(drawSubset(files.length, name, "test", { perClass, subsetSeed }));
    return files.filter((_, place) => apart.has(place) === (part === "test"));
  };
  // Of folders that both parts share, all has been said with the first.
  const note = classNames === undefined ? options.note : undefined;
  return listClasses(tree, folder, names, { ...options, note }, part, pick);
}
