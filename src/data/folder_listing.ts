import { join } from "node:path";
import { InputError } from "../errors.ts";

// By code unit, not by language or number: the order must not depend on machine or locale, since
// class numbers, per-class limits and tasks are counted along it.
/** Order of names: by code unit. */
export const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Whether a file of this name is taken for an image. */
export const isImageName = (name: string) => /\.(jpe?g|png)$/i.test(name);

/** Names of the folders directly in `path`, sorted; names starting with a dot are left out. */
export function foldersIn(path: string): string[] {
  return namesIn(path, (entry) => entry.isDirectory);
}

/** Names of the files directly in `path` that end as JPEG or PNG files do, sorted. */
export function imageNamesIn(path: string): string[] {
  return namesIn(path, (entry) => entry.isFile && isImageName(entry.name));
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

function namesIn(
  path: string,
  wanted: (entry: { name: string; isFile: boolean; isDirectory: boolean }) => boolean,
): string[] {
  const names: string[] = [];
  try {
    for (const { name, isFile, isDirectory, isSymlink } of Deno.readDirSync(path)) {
      if (name.startsWith(".")) continue;
      const kind = isSymlink ? Deno.statSync(join(path, name)) : { isFile, isDirectory };
      if (wanted({ name, isFile: kind.isFile, isDirectory: kind.isDirectory })) names.push(name);
    }
  } catch (error) {
    throw cannotRead(path, error as Error);
  }
  return names.sort(byName);
}

function cannotRead(path: string, error: Error): InputError {
  return new InputError(
    `Cannot read ${path}: ${error.message}, restore the folder or its permissions`,
  );
}
