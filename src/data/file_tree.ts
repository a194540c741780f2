import { join } from "node:path";
import { InputError } from "../errors.ts";
import { decodeText } from "../text.ts";
import { foldersIn, imageNamesIn, isFile, isFolder } from "./folder_listing.ts";
import { readZipPlace, type ZipPlace } from "./zip_place.ts";

/** Where the bytes of a file are: a path, or a part of a zip archive. Plain data, for worker threads. */
export type FilePlace = string | ZipPlace;

/** A data set's files, in a folder or in a zip archive. Paths are relative, `a/b`. */
export interface FileTree {
  /** The folder or the archive, for messages. */
  readonly root: string;
  /** Names of the folders directly in `path`, sorted; names starting with a dot are left out. */
  folders(path: string): string[];
  /** Names of the files directly in `path` that end as JPEG or PNG files do, sorted. */
  images(path: string): string[];
  isFolder(path: string): boolean;
  isFile(path: string): boolean;
  place(path: string): FilePlace;
  /** @throws {InputError} If it cannot be read. */
  text(path: string): string;
}

/** The files below a folder. */
export function folderTree(root: string): FileTree {
  const inRoot = (path: string) => join(root, path);
  return {
    root,
    folders: (path) => foldersIn(inRoot(path)),
    images: (path) => imageNamesIn(inRoot(path)),
    isFolder: (path) => isFolder(inRoot(path)),
    isFile: (path) => isFile(inRoot(path)),
    place: inRoot,
    text: (path) => readText(inRoot(path)),
  };
}

/** @throws {InputError} If the file cannot be read, or is not UTF-8. */
export function readText(place: FilePlace): string {
  return decodeText(readPlace(place), pathOf(place));
}

/** For messages. */
export function pathOf(place: FilePlace): string {
  return typeof place === "string" ? place : `${place.archive}: ${place.name}`;
}

/** @throws {InputError} If the file cannot be read. */
export function readPlace(place: FilePlace): Uint8Array<ArrayBuffer> {
  try {
    // Synchronous, since workers call it: half the time of awaiting each small file.
    return typeof place === "string" ? Deno.readFileSync(place) : readZipPlace(place);
  } catch (error) {
    const fix = typeof place === "string"
      ? "restore the file or its permissions"
      : "copy or download the archive again";
    throw new InputError(`Cannot read ${pathOf(place)}: ${(error as Error).message}, ${fix}`);
  }
}
