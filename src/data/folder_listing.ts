import { join } from "node:path";
import { InputError } from "../errors.ts";
import { isLitter } from "./file_names.ts";

// By code unit, not by language or number: the order must not depend on machine or locale, since
// class numbers, per-class limits and tasks are counted along it.
/** Order of names: by code unit. */
export const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** One thing in a folder. */
export interface Entry {
  readonly name: string;
  /** Links are followed; what leads nowhere, or is neither, cannot be used. */
  readonly kind: "file" | "folder" | "unusable";
  readonly isLink: boolean;
  /** Of an unusable one: what it is, "it is ...", and the fix. */
  readonly problem?: string;
}

/** Everything directly in `path`, hidden names too, by name. @throws {InputError} If it cannot be read. */
export function entriesIn(path: string): Entry[] {
  let found: Deno.DirEntry[];
  try {
    found = [...Deno.readDirSync(path)];
  } catch (error) {
    throw cannotRead(path, error as Error);
  }
  const entries = found.map(({ name, isFile, isDirectory, isSymlink }): Entry => {
    if (isFile) return { name, kind: "file", isLink: false };
    if (isDirectory) return { name, kind: "folder", isLink: false };
    return describe(join(path, name), name, isSymlink);
  });
  return entries.sort((a, b) => byName(a.name, b.name));
}

/** Names of the folders directly in `path`, sorted; hidden ones and those of systems are left out. */
export function foldersIn(path: string): string[] {
  const folders = entriesIn(path).filter(({ name, kind }) => kind === "folder" && !isLitter(name));
  return folders.map(({ name }) => name);
}

/** What is neither a file nor a folder, or a link. */
function describe(path: string, name: string, isLink: boolean): Entry {
  const unusable = (problem: string): Entry => ({ name, kind: "unusable", isLink, problem });
  let found: Deno.FileInfo;
  try {
    found = Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      const nowhere = isLink
        ? `it is a link to ${targetOf(path)}, which is not there`
        : "it is gone";
      return unusable(`${nowhere}, restore that or remove the link`);
    }
    if (error instanceof Deno.errors.FilesystemLoop) {
      return unusable("it is a link that leads in a circle, remove it");
    }
    return unusable(`${(error as Error).message}, restore it or its permissions`);
  }
  if (found.isFile) return { name, kind: "file", isLink };
  if (found.isDirectory) return { name, kind: "folder", isLink };
  const what = found.isFifo ? "a pipe" : found.isSocket ? "a socket" : "a device";
  return unusable(`it is ${isLink ? "a link to " : ""}${what} and no file, remove it`);
}

function targetOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "somewhere"; // removed in this moment
  }
}

/** Whether `path` is a folder; links are followed. */
export function isFolder(path: string): boolean {
  return statOf(path)?.isDirectory ?? false;
}

/** Whether `path` is a file; links are followed. */
export function isFile(path: string): boolean {
  return statOf(path)?.isFile ?? false;
}

function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    throw cannotRead(path, error as Error);
  }
}

function cannotRead(path: string, error: Error): InputError {
  return new InputError(
    `Cannot read ${path}: ${error.message}, restore the folder or its permissions`,
  );
}
