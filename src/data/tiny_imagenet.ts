import { InputError } from "../errors.ts";
import type { FileTree } from "./file_tree.ts";
import { byName } from "./folder_listing.ts";

const ANNOTATIONS = "val/val_annotations.txt";

/** Where the validation images lie. */
export const ANNOTATED_FOLDER = "val/images";

/**
 * The validation images of Tiny-ImageNet, which lie together in `val/images`: the class of each stands
 * in `val/val_annotations.txt`, a line per image, `NAME TAB CLASS TAB box`.
 *
 * @param classNames The classes of the training part; the result has the same, in the same order.
 * @returns Per class the files, sorted.
 * @throws {InputError} If a line has another form or an unknown class, or names an image that an earlier one names.
 */
export function annotatedImages(
  tree: FileTree,
  classNames: readonly string[],
): Map<string, string[]> {
  const path = `${tree.root}/${ANNOTATIONS}`;
  const files = new Map(classNames.map((name) => [name, [] as string[]]));
  const lineOf = new Map<string, number>();
  for (const [i, line] of readLines(tree).entries()) {
    const [name, className] = line.split("\t");
    const ofClass = files.get(className);
    if (ofClass === undefined) {
      throw new InputError(
        `Cannot read ${path}: line ${i + 1} is "${line}", which names no class that train has; ` +
          `unpack tiny-imagenet-200.zip again`,
      );
    }
    if (/[\\/]/.test(name)) {
      throw new InputError(
        `Cannot read ${path}: line ${
          i + 1
        } is "${line}", which does not begin with the name of a file ` +
          `in val/images; unpack tiny-imagenet-200.zip again`,
      );
    }
    const earlier = lineOf.get(name);
    if (earlier !== undefined) {
      throw new InputError(
        `Cannot read ${path}: line ${
          i + 1
        } is "${line}", and line ${earlier} names the same image, ` +
          `which would be tested twice; remove one of them or unpack tiny-imagenet-200.zip again`,
      );
    }
    lineOf.set(name, i + 1);
    ofClass.push(`${ANNOTATED_FOLDER}/${name}`);
  }
  for (const ofClass of files.values()) ofClass.sort(byName);
  return files;
}

function readLines(tree: FileTree): string[] {
  return tree.text(ANNOTATIONS).split(/\r?\n/).filter((line) => line !== "");
}
