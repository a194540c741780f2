import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../errors.ts";
import { type FileTree, readText } from "./file_tree.ts";
import { isFile } from "./folder_listing.ts";
import { lookAlikeHint } from "../images/look_alike.ts";

/** The lists that come with this program. */
const OWN_LISTS = fileURLToPath(new URL("./classes/", import.meta.url));

/**
 * Reads a class-list file: a line per class, the name of its folder (such as a WordNet id), and, if wanted,
 * its number behind a space; without numbers, classes count from 0 in the order of lines. Empty lines and
 * lines that start with `#` do not count. A name may have spaces, and stand in double quotes as a text of
 * JSON, so that it may begin or end with them or end with a number. Tiny-ImageNet's `wnids.txt` is such a file.
 *
 * @param name Looked for in the data set's folder, in the data root, among this program's lists.
 * @returns Folder names; place = class number.
 * @throws {InputError} If there is no such file, or a line or the numbering cannot be used.
 */
export function readClassList(name: string, tree: FileTree, dataRoot: string): string[] {
  const { path, text } = findList(name, tree, dataRoot);
  const folders = new Set(classFolders(tree));
  const names: string[] = [];
  const lines = text.split(/\r\n|\n|\r/).map((line) => line.trim());
  const used = lines.filter((line) => line !== "" && !line.startsWith("#"));
  for (const [i, line] of used.entries()) {
    const { name, number = i } = readLine(line, folders, path);
    if (names[number] !== undefined || names.includes(name) || number >= used.length) {
      throw new InputError(
        `Cannot read ${path}: "${line}" makes the numbering wrong; give each class one number of its ` +
          `own, 0 to ${used.length - 1}`,
      );
    }
    names[number] = name;
  }
  if (names.length === 0) {
    throw new InputError(`Cannot read ${path}: it names no class; write one per line`);
  }
  return names;
}

interface Line {
  readonly name: string;
  readonly number?: number;
}

/** Of what a line may mean, that counts of which there is a folder. */
function readLine(line: string, folders: ReadonlySet<string>, path: string): Line {
  const [, quotedName, name = line, digits] = /^(?:("(?:[^"\\]|\\.)*")|(.*?))(?:[ \t]+(\d+))?$/
    .exec(line)!;
  const number = digits === undefined ? undefined : Number(digits);
  const refuse = (found: string, fix: string): never => {
    throw new InputError(`Cannot read ${path}: "${line}" is ${found}; ${fix}`);
  };
  if (quotedName !== undefined) {
    const text = unquoted(quotedName);
    if (text !== null && isFolderName(text)) return { name: text, number };
  }
  const whole = folders.has(line);
  if (whole && number !== undefined && folders.has(name)) {
    refuse(
      `a class folder, and so is "${name}" with a number behind it`,
      "put the name that is meant into double quotes",
    );
  }
  if (whole) return { name: line };
  if (!isFolderName(name) || (/\s/.test(name) && !folders.has(name))) {
    refuse(
      "not the name of a class folder, alone or with a number behind a space" +
        lookAlikeHint(name, folders, "the data set"),
      "correct the line, put a name with spaces into double quotes, or name the classes in data.train.classes",
    );
  }
  return { name, number };
}

function unquoted(text: string): string | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const isFolderName = (name: string) => name !== "" && !name.includes("/") && !name.startsWith(".");

function classFolders(tree: FileTree): string[] {
  if (tree.isFolder("train")) return tree.folders("train");
  return tree.isFolder("") ? tree.folders("") : [];
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
