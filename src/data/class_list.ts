import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../errors.ts";
import { type FileTree, readText } from "./file_tree.ts";
import { isFile } from "./folder_listing.ts";

/** The lists that come with this program. */
const OWN_LISTS = fileURLToPath(new URL("./classes/", import.meta.url));

/**
 * Reads a class-list file: a line per class, the name of its folder (such as a WordNet id), and, if wanted,
 * its number behind a space; without numbers, classes count from 0 in the order of lines. Empty lines and
 * lines that start with `#` do not count. Tiny-ImageNet's `wnids.txt` is such a file.
 *
 * @param name Looked for in the data set's folder, in the data root, among this program's lists.
 * @returns Folder names; place = class number.
 * @throws {InputError} If there is no such file, or a line or the numbering cannot be used.
 */
export function readClassList(name: string, tree: FileTree, dataRoot: string): string[] {
  const { path, text } = findList(name, tree, dataRoot);
  const names: string[] = [];
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const used = lines.filter((line) => line !== "" && !line.startsWith("#"));
  for (const [i, line] of used.entries()) {
    const match = /^(\S+)(?:[ \t]+(\d+))?$/.exec(line);
    if (match === null || match[1].includes("/") || match[1].startsWith(".")) {
      throw new InputError(
        `Cannot read ${path}: "${line}" is not the name of a class folder, alone or with a number ` +
          `behind a space; correct the line`,
      );
    }
    const number = match[2] === undefined ? i : Number(match[2]);
    if (names[number] !== undefined || names.includes(match[1]) || number >= used.length) {
      throw new InputError(
        `Cannot read ${path}: "${line}" makes the numbering wrong; give each class one number of its ` +
          `own, 0 to ${used.length - 1}`,
      );
    }
    names[number] = match[1];
  }
  if (names.length === 0) {
    throw new InputError(`Cannot read ${path}: it names no class; write one per line`);
  }
  return names;
}

function findList(name: string, tree: FileTree, dataRoot: string): { path: string; text: string } {
  if (tree.isFile(name)) return { path: join(tree.root, name), text: tree.text(name) };
  const path = [join(dataRoot, name), join(OWN_LISTS, name)].find(isFile);
  if (path !== undefined) return { path, text: readText(path) };
  throw new InputError(
    `Cannot find the class list ${name}: it is neither in ${tree.root} nor in ${dataRoot} nor one of ` +
      `this program's lists; put it there or set the source's classList`,
  );
}
