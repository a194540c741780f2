import { join } from "node:path";
import { InputError } from "../errors.ts";
import { decodeText } from "../text.ts";
import { isImageName, isLitter, mayHoldImage } from "./file_names.ts";
import { entriesIn, type Entry, isFile, isFolder } from "./folder_listing.ts";
import { imageKind, KIND_BYTES } from "./image_kind.ts";
import { readZipPlace, readZipStart, type ZipPlace } from "./zip_place.ts";

/** Where the bytes of a file are: a path, or a part of a zip archive. Plain data, for worker threads. */
export type FilePlace = string | ZipPlace;

/** A data set's files, in a folder or in a zip archive. Paths are relative, `a/b`. */
export interface FileTree {
  /** The folder or the archive, for messages. */
  readonly root: string;
  /** Everything directly in `path`, hidden names too, by name; empty if there is no such folder in an archive. */
  entries(path: string): readonly Entry[];
  /** Names of the folders directly in `path`, by name; hidden ones and those of systems are left out. */
  folders(path: string): string[];
  /** Names of the files directly in `path` that are JPEG or PNG by their names or their content, by name. */
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
  return treeOf({
    root,
    entries: (path) => entriesIn(inRoot(path)),
    isFolder: (path) => isFolder(inRoot(path)),
    isFile: (path) => isFile(inRoot(path)),
    place: inRoot,
  });
}

/** What follows from entries and places. */
export function treeOf(
  tree: Pick<FileTree, "root" | "entries" | "isFolder" | "isFile" | "place">,
): FileTree {
  const { entries, place } = tree;
  return {
    ...tree,
    folders: (path) =>
      entries(path).filter(({ name, kind }) => kind === "folder" && !isLitter(name))
        .map(({ name }) => name),
    images: (path) =>
      entries(path).filter(({ name, kind }) =>
        kind === "file" && (isImageName(name) || holdsImage(place(`${path}/${name}`), name))
      ).map(({ name }) => name),
    text: (path) => readText(place(path)),
  };
}

/** Whether a file whose name is not that of an image holds one. @throws {InputError} If it cannot be read. */
export function holdsImage(place: FilePlace, name: string): boolean {
  return mayHoldImage(name) && imageKind(readStart(place, KIND_BYTES)) !== null;
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
  // Synchronous, since workers call it: half the time of awaiting each small file.
  return reading(
    place,
    () => typeof place === "string" ? Deno.readFileSync(place) : readZipPlace(place),
  );
}

/** The first `length` bytes, or all if there are fewer. @throws {InputError} If the file cannot be read. */
export function readStart(place: FilePlace, length: number): Uint8Array {
  return reading(place, () => {
    if (typeof place !== "string") return readZipStart(place, length);
    using file = Deno.openSync(place);
    const bytes = new Uint8Array(length);
    let at = 0;
    for (let count: number | null = 0; at < length && count !== null; at += count ?? 0) {
      count = file.readSync(bytes.subarray(at));
    }
    return bytes.subarray(0, at);
  });
}

function reading<T>(place: FilePlace, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const fix = typeof place === "string"
      ? "restore the file or its permissions"
      : "copy or download the archive again";
    throw new InputError(`Cannot read ${pathOf(place)}: ${(error as Error).message}, ${fix}`);
  }
}
