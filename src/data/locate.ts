import { basename, join } from "node:path";
import { InputError } from "../errors.ts";
import { foldersIn, isFile, isFolder } from "./folder_listing.ts";
import { lookAlikeHint, nameText } from "../images/look_alike.ts";

/**
 * Where a data set is: the folder `dataRoot/folder`, or an archive beside it, or `dataRoot` itself where it
 * has the folder's or the archive's name; or else, where the system's packages have it.
 *
 * @param archives Names of the archives that hold the same.
 * @param installed Where a package of the system has it, and how to come by it.
 * @throws {InputError} If it is nowhere.
 */
export function locate(
  folder: string,
  dataRoot: string | null,
  archives: readonly string[],
  installed: { readonly path: string; readonly hint: string } | null = null,
): { path: string; isArchive: boolean } {
  if (dataRoot === null) {
    throw new InputError(
      `Cannot open the data set ${folder}: no data folder was given, pass --data DIR with the folder ` +
        `that holds ${folder}`,
    );
  }
  const below = join(dataRoot, folder);
  if (isFolder(below)) return { path: below, isArchive: false };
  if (basename(dataRoot) === folder && isFolder(dataRoot)) {
    return { path: dataRoot, isArchive: false };
  }
  const files = archives.map((name) =>
    basename(dataRoot) === basename(name) ? dataRoot : join(dataRoot, name)
  );
  const archive = files.find(isFile);
  if (archive !== undefined) return { path: archive, isArchive: true };
  if (installed !== null && isInstalled(installed.path)) {
    return { path: installed.path, isArchive: false };
  }
  const folders = isFolder(dataRoot) ? foldersIn(dataRoot) : [];
  const present = folders.map(nameText).join(", ");
  const archived = archives.length === 0 ? "" : ` and no ${archives.join(" or ")}`;
  throw new InputError(
    `Cannot open the data set ${folder}: there is no folder ${below} (folders there: ` +
      `${
        present || "none"
      })${archived}, put the data set there or pass --data DIR with the folder that ` +
      `holds it` + (installed === null ? "" : `; ${installed.hint}`) +
      lookAlikeHint(folder, folders, dataRoot),
  );
}

/** False as well where a program that uses this as a library may not look there. */
function isInstalled(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) {
      return false;
    }
    throw error;
  }
}
