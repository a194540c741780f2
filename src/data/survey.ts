import { join } from "node:path";
import { InputError } from "../errors.ts";
import type { Progress } from "../images/image_set.ts";
import { classFolder } from "./class_folder.ts";
import { INSPECTED } from "./file_batch.ts";
import { forEachBatch } from "./file_pool.ts";
import { type FileTree, folderTree } from "./file_tree.ts";
import { isFile, isFolder } from "./folder_listing.ts";
import {
  type ImageListing,
  listDreams,
  listTest,
  listTrain,
  trainingPart,
} from "./image_listing.ts";
import { lacksTest, listApart } from "./set_apart.ts";
import { quotedPath } from "../text.ts";

/** What a folder of class folders holds, before any image of it is decoded. */
export interface FolderSurvey {
  readonly classNames: readonly string[];
  /** Training images of each class. */
  readonly train: readonly number[];
  /** Test images of each class. */
  readonly test: readonly number[];
  /** Whether the folder has no test images, so that a share of each class is set apart. */
  readonly apart: boolean;
  /** Shorter side of each image in pixels, ascending. */
  readonly shorterSides: Uint32Array;
}

/**
 * Looks through a folder whose class folders lie in `train` and `test` (or `val`), or directly in it: counts, and the
 * sizes that the files declare.
 *
 * @param share Of each class, what is set apart where the folder has no test images.
 * @throws {InputError} If the folder has another layout, a class without images, or files that are no images.
 */
export async function surveyImages(
  root: string,
  share: number,
  progress: Progress,
): Promise<FolderSurvey> {
  const tree = openFolder(root, "images");
  refuseOtherDepth(tree);
  const apart = lacksTest(tree);
  const all = { classList: null, perClass: null };
  const train = apart ? listApart(tree, "train", share, all) : listTrain(tree, all);
  const { classNames } = train;
  if (classNames.length < 2) {
    throw new InputError(
      `Cannot learn from the images of ${root}: it has one class folder (${
        classNames[0]
      }), and there is nothing to ` +
        `tell it from; put the images of each class into a folder of their own, 2 classes or more`,
    );
  }
  const test = apart
    ? listApart(tree, "test", share, all, classNames)
    : listTest(tree, all, classNames);
  const paths = [...train.paths, ...test.paths];
  const shorterSides = await sidesOf(tree, paths, progress);
  return { classNames, train: counts(train), test: counts(test), apart, shorterSides };
}

/** Classes and images of a folder to dream of. @throws {InputError} If it has none, or a class without images. */
export function surveyDreams(root: string): { readonly classes: number; readonly images: number } {
  const tree = openFolder(root, "dreams");
  refuseOtherDepth(tree);
  const { classNames, paths } = listDreams(tree, { classList: null, perClass: null });
  return { classes: classNames.length, images: paths.length };
}

function openFolder(root: string, what: string): FileTree {
  if (isFolder(root)) return folderTree(root);
  const found = isFile(root) ? "it is a file" : "there is no such folder";
  throw new InputError(
    `Cannot read ${what} of ${root}: ${found}; name a folder that holds a folder of JPEG or PNG files for each class`,
  );
}

/** Where the classes lie one folder further down, that one is meant. */
function refuseOtherDepth(tree: FileTree): void {
  if (trainingPart(tree) !== "") return;
  const folders = tree.folders("");
  const holdsImages = (path: string) => classFolder(tree, path).images.length > 0;
  if (folders.some(holdsImages)) return;
  const inner = folders.find((name) =>
    tree.folders(name).some((below) => below === "train" || holdsImages(`${name}/${below}`))
  );
  if (inner === undefined) return;
  throw new InputError(
    `Cannot read images of ${tree.root}: its folders hold folders and no images; name the folder that the class ` +
      `folders lie in, such as ${
        join(tree.root, inner)
      }, or move the images up into the folder of their class`,
  );
}

function counts({ classNames, labels }: ImageListing): number[] {
  const found = classNames.map(() => 0);
  for (const label of labels) found[label]++;
  return found;
}

async function sidesOf(
  tree: FileTree,
  paths: readonly string[],
  progress: Progress,
): Promise<Uint32Array> {
  const sides = new Uint32Array(paths.length);
  const broken: [number, string][] = [];
  await forEachBatch(
    { kind: "declared" },
    paths.map((path) => tree.place(path)),
    (first, { bytes, problems }) => {
      const numbers = new Uint32Array(bytes.buffer);
      for (let i = 0; i < numbers.length / INSPECTED; i++) {
        sides[first + i] = Math.min(numbers[INSPECTED * i], numbers[INSPECTED * i + 1]);
      }
      for (const [i, problem] of problems) broken.push([first + i, problem]);
    },
    (done) => progress(done, paths.length, `looking at ${tree.root}`),
  );
  // Batches come in any order.
  const [first, ...others] = broken.sort(([a], [b]) => a - b);
  if (first === undefined) return sides.sort();
  const more = others.length > 0
    ? ` (and ${others.length} more that cannot be read; ./wscl data check ${
      quotedPath(tree.root)
    } names them)`
    : "";
  throw new InputError(first[1] + more);
}
