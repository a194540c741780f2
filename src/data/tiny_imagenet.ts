import { join } from "node:path";
import { InputError } from "../errors.ts";

/**
 * The validation images of Tiny-ImageNet, which lie together in `val/images`: the class of each stands
 * in `val/val_annotations.txt`, a line per image, `NAME TAB CLASS TAB box`.
 *
 * @param classNames The classes of the training part; the result has the same, in the same order.
 * @returns Per class the files, relative to `root`, sorted.
 * @throws {InputError} If a line has another form or an unknown class.
 */
export function annotatedImages(
  root: string,
  classNames: readonly string[],
): Map<string, string[]> {
  const path = join(root, "val", "val_annotations.txt");
  const files = new Map(classNames.map((name) => [name, [] as string[]]));
  for (const [i, line] of readLines(path).entries()) {
    const [name, className] = line.split("\t");
    const ofClass = files.get(className);
    if (ofClass === undefined) {
      throw new InputError(
        `Cannot read ${path}: line ${i + 1} is "${line}", which names no class that train has; ` +
          `unpack tiny-imagenet-200.zip again`,
      );
    }
    ofClass.push(join("val", "images", name));
  }
  for (const ofClass of files.values()) ofClass.sort();
  return files;
}

function readLines(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split(/\r?\n/).filter((line) => line !== "");
  } catch (error) {
    throw new InputError(
      `Cannot read ${path}: ${(error as Error).message}, restore the file or its permissions`,
    );
  }
}
