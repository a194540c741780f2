import { InputError } from "../errors.ts";
import { chooseClasses, type ClassChoice } from "./class_selection.ts";
import type { FileTree } from "./file_tree.ts";
import { type SubsetChoice, type SubsetPart, takeSubset } from "./subset.ts";
import { annotatedImages } from "./tiny_imagenet.ts";

/** The image files of one part of a data set, class by class, in each class by name. */
export interface ImageListing {
  readonly classNames: readonly string[];
  /** In the data set's folder, one per image. */
  readonly paths: readonly string[];
  /** Class index per image. */
  readonly labels: Uint16Array<ArrayBuffer>;
}

/** What is taken of the class folders. */
export interface ListingOptions extends ClassChoice, SubsetChoice {
  /** The class folders to read, in the order of class numbers; `null` for all, sorted. */
  readonly classList: readonly string[] | null;
}

/** `train/CLASS/*`, or `train/CLASS/images/*` as Tiny-ImageNet has it. */
export function listTrain(tree: FileTree, options: ListingOptions): ImageListing {
  if (!tree.isFolder("train")) {
    throw new InputError(
      `Cannot open the image folder ${tree.root}: it has no folder train, put the images into ` +
        `train/CLASS and test/CLASS`,
    );
  }
  return listClasses(tree, "train", chosenClasses(tree, "train", options), options);
}

/**
 * `test/CLASS/*`, else `val/CLASS/*`, else Tiny-ImageNet's `val/images` with `val_annotations.txt`.
 *
 * @param classNames Those of the training part.
 * @throws {InputError} If there is none of them, or the classes differ from those of `train`.
 */
export function listTest(
  tree: FileTree,
  options: ListingOptions,
  classNames: readonly string[],
): ImageListing {
  if (tree.isFile("val/val_annotations.txt") && !tree.isFolder("val/" + classNames[0])) {
    const known = options.classList ?? tree.folders("train");
    const all = annotatedImages(tree, known);
    const files = new Map(classNames.map((name) => [name, all.get(name) ?? []]));
    return group(tree, files, "val/images", "test", options);
  }
  const part = testPart(tree);
  if (part === undefined) {
    throw new InputError(
      `Cannot open the image folder ${tree.root}: neither test nor val has class folders, put the test ` +
        `images into test/CLASS`,
    );
  }
  const folders = tree.folders(part);
  const missing = classNames.filter((name) => !folders.includes(name));
  const known = new Set([...classNames, ...tree.folders("train")]);
  const extra = options.classList ? [] : folders.filter((name) => !known.has(name));
  if (missing.length + extra.length > 0) {
    throw new InputError(
      `Cannot open the image folder ${tree.root}: train and ${part} have different classes (only in ` +
        `train: ${some(missing)}; only in ${part}: ${some(extra)}), give both the same folders`,
    );
  }
  return listClasses(tree, part, classNames, options);
}

/** The first of `test` and `val` that has class folders. */
export function testPart(tree: FileTree): "test" | "val" | undefined {
  return (["test", "val"] as const).find((name) => {
    const folders = tree.isFolder(name) ? tree.folders(name) : [];
    // Tiny-ImageNet has test/images, ImageNet test/*: images without classes.
    return folders.length > 0 && !folders.includes("images");
  });
}

/** A dream set: `train/CLASS/*` where there is a folder `train`, else `CLASS/*`. */
export function listDreams(tree: FileTree, options: ListingOptions): ImageListing {
  const part = tree.isFolder("train") ? "train" : "";
  return listClasses(tree, part, chosenClasses(tree, part, options), options);
}

/** Names of the class folders to take, in the order of their new numbers. */
function chosenClasses(tree: FileTree, part: string, options: ListingOptions): string[] {
  const where = inTree(tree, part);
  const folders = tree.folders(part);
  if (folders.length === 0) {
    throw new InputError(
      `Cannot open the image folder ${where}: it has no class folders, put the images of each class ` +
        `into a folder of their own`,
    );
  }
  const all = options.classList ?? folders;
  const names = chooseClasses(all, options, where).map((number) => all[number]);
  const there = new Set(folders);
  const missing = names.filter((name) => !there.has(name));
  if (missing.length > 0) {
    throw new InputError(
      `Cannot open the image folder ${where}: ${missing.length} of the ${names.length} classes wanted ` +
        `have no folder there (${some(missing)}), complete the data set or choose other classes`,
    );
  }
  return names;
}

function listClasses(
  tree: FileTree,
  part: "train" | "test" | "val" | "",
  classNames: readonly string[],
  choice: SubsetChoice,
): ImageListing {
  const files = new Map(classNames.map((name) => [name, classImages(tree, part, name)]));
  return group(tree, files, part, part === "train" || part === "" ? "train" : "test", choice);
}

/** `PART/CLASS/*`, or `PART/CLASS/images/*` where there is such a folder. */
export function classImages(tree: FileTree, part: string, className: string): string[] {
  const folder = part === "" ? className : `${part}/${className}`;
  const nested = tree.isFolder(`${folder}/images`) ? `${folder}/images` : folder;
  return tree.images(nested).map((file) => `${nested}/${file}`);
}

/**
 * Numbers the classes in the map's order and takes all images of each, or as many as are to be drawn.
 *
 * @param folder That of the class folders, for messages.
 */
export function group(
  tree: FileTree,
  files: ReadonlyMap<string, readonly string[]>,
  folder: string,
  part: SubsetPart,
  choice: SubsetChoice,
): ImageListing {
  const where = inTree(tree, folder);
  for (const [name, { length }] of files) {
    if (length > 0) continue;
    throw new InputError(
      `Cannot open the image folder ${where}: class ${name} has 0 JPEG or PNG files and at least 1 is ` +
        `needed, add images`,
    );
  }
  const classNames = [...files.keys()];
  const paths = [...files.values()].flat();
  const labels = [...files.values()].flatMap(({ length }, label) => Array(length).fill(label));
  const places = takeSubset(labels, classNames, part, choice, where);
  return {
    classNames,
    paths: Array.from(places, (place) => paths[place]),
    labels: Uint16Array.from(places, (place) => labels[place]),
  };
}

function inTree({ root }: FileTree, part: string): string {
  return part === "" ? root : `${root}/${part}`;
}

function some(names: readonly string[]): string {
  if (names.length === 0) return "none";
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and more`;
}
