import { InputError } from "../errors.ts";
import { isLitter } from "./file_names.ts";
import { type FileTree, treeOf } from "./file_tree.ts";
import { byName, type Entry } from "./folder_listing.ts";
import { nameIn } from "./zip_name.ts";
import { readExactly, type ZipPlace } from "./zip_place.ts";

const END = 0x06054b50;
const END_BYTES = 22;
const END64_LOCATOR = 0x07064b50;
const END64 = 0x06064b50;
const ENTRY = 0x02014b50;
const MOST_DIRECTORY_BYTES = 2 ** 28;

/** A file, or why it cannot be used. */
type ZipFile = ZipPlace | { readonly problem: string };

interface Folder {
  readonly folders: Map<string, Folder>;
  readonly files: Map<string, ZipFile>;
}

/**
 * The files in a zip archive, read in place: nothing is unpacked to disk, so no name in it can lead
 * anywhere. Where all of it lies in one folder (`tiny-imagenet-200/...`), paths start below that, unless the folder
 * means something: `train`, or the only class.
 *
 * @throws {InputError} If the file is no zip archive, is damaged, is encrypted or has two files of one name.
 */
export function zipTree(path: string): FileTree {
  let top: Folder;
  try {
    using file = Deno.openSync(path);
    top = readTree(file, path);
  } catch (error) {
    const fix = error instanceof TwiceError
      ? "make the archive anew with one of them"
      : "copy or download the archive again";
    throw new InputError(`Cannot read ${path}: ${(error as Error).message}, ${fix}`);
  }
  for (let only = onlyFolder(top); only !== undefined; only = onlyFolder(top)) top = only;
  const folderAt = (path: string) =>
    parts(path).reduce<Folder | undefined>((folder, name) => folder?.folders.get(name), top);
  const fileAt = (path: string) => {
    const names = parts(path);
    return folderAt(names.slice(0, -1).join("/"))?.files.get(names.at(-1) ?? "");
  };
  return treeOf({
    root: path,
    entries: (path) => entriesOf(folderAt(path)),
    isFolder: (path) => folderAt(path) !== undefined,
    isFile: (path) => {
      const file = fileAt(path);
      return file !== undefined && !("problem" in file);
    },
    place(name) {
      const found = fileAt(name);
      if (found === undefined) throw new InputError(`Cannot read ${path}: it has no file ${name}`);
      if ("problem" in found) {
        throw new InputError(`Cannot read ${path}: ${name}: ${found.problem}`);
      }
      return found;
    },
  });
}

/** The folder that all of it lies in, what systems add aside, unless it is itself a part of the data set or a class. */
function onlyFolder({ folders, files }: Folder): Folder | undefined {
  const names = [...folders.keys(), ...files.keys()].filter((name) => !isLitter(name));
  const only = names.length === 1 ? folders.get(names[0]) : undefined;
  return only === undefined || isPart(names[0], only) || isClass(only) ? undefined : only;
}

/** Whether a folder divides a data set: as a part of it, or as a session of CORe50. */
function isPart(name: string, folder: Folder): boolean {
  if (/^(train|test|val)$/.test(name)) return true;
  return /^s\d+$/.test(name) && foldersIn(folder).every((name) => /^o\d+$/.test(name));
}

/** Whether a folder is a class: files in it, or in its folder `images`, and no further folders. */
function isClass(folder: Folder): boolean {
  return foldersIn(folder).every((name) =>
    name === "images" && foldersIn(folder.folders.get(name)!).length === 0
  );
}

function foldersIn({ folders }: Folder): string[] {
  return [...folders.keys()].filter((name) => !isLitter(name));
}

function entriesOf(folder: Folder | undefined): Entry[] {
  const entries: Entry[] = [];
  for (const name of folder?.folders.keys() ?? []) {
    entries.push({ name, kind: "folder", isLink: false });
  }
  for (const [name, file] of folder?.files ?? []) {
    entries.push(
      "problem" in file
        ? { name, kind: "unusable", isLink: true, problem: file.problem }
        : { name, kind: "file", isLink: false },
    );
  }
  return entries.sort((a, b) => byName(a.name, b.name));
}

const parts = (path: string) => path.split("/").filter((name) => name !== "");

function readTree(file: Deno.FsFile, archive: string): Folder {
  const top: Folder = { folders: new Map(), files: new Map() };
  const directory = readDirectory(file);
  const view = new DataView(directory.buffer);
  for (let at = 0; at < directory.length;) {
    if (at + 46 > directory.length || view.getUint32(at, true) !== ENTRY) {
      throw new SyntaxError("its directory is damaged");
    }
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const isUtf8 = (view.getUint16(at + 8, true) & 0x800) !== 0;
    const name = nameIn(directory.subarray(at + 46, at + 46 + nameBytes), isUtf8);
    const entry = readEntry(view, at, at + 46 + nameBytes, extraBytes, name, archive);
    // Some programs mark a folder by its attributes only.
    const isFolder = view.getUint32(at + 24, true) === 0 && (view.getUint8(at + 38) & 0x10) !== 0;
    add(top, isFolder ? `${name}/` : name, entry);
    at += 46 + nameBytes + extraBytes + view.getUint16(at + 32, true);
  }
  return top;
}

/**
 * Archives made by Windows may have backslashes between folders, all or some of them. A name with `..` leads
 * out of the archive and does not count.
 */
function add(top: Folder, name: string, file: ZipFile): void {
  const isFolder = /[\\/]$/.test(name);
  const names = name.split(/[\\/]/).filter((part) => part !== "" && part !== ".");
  if (names.length === 0 || names.includes("..")) return;
  const last = isFolder ? null : names.pop()!;
  let folder = top;
  for (const part of names) {
    if (folder.files.has(part)) refuseTwice(name, `${part} is there as a file and as a folder`);
    let next = folder.folders.get(part);
    if (next === undefined) {
      folder.folders.set(part, next = { folders: new Map(), files: new Map() });
    }
    folder = next;
  }
  if (last === null) return;
  if (folder.folders.has(last)) refuseTwice(name, `${last} is there as a file and as a folder`);
  if (folder.files.has(last)) refuseTwice(name, "there is another file of that name");
  folder.files.set(last, file);
}

class TwiceError extends Error {}

function refuseTwice(name: string, found: string): never {
  throw new TwiceError(`${name} in it cannot be told from another: ${found}`);
}

function readEntry(
  view: DataView,
  at: number,
  extraAt: number,
  extraBytes: number,
  name: string,
  archive: string,
): ZipFile {
  const method = view.getUint16(at + 10, true);
  if (view.getUint16(at + 8, true) & 1) throw new SyntaxError(`${name} in it is encrypted`);
  if (method !== 0 && method !== 8) {
    throw new SyntaxError(`${name} in it is compressed by method ${method}, 0 and 8 are known`);
  }
  // Fields of 32 bits that are full stand for 64 bits in an extra field, in this order.
  const fields = {
    size: view.getUint32(at + 24, true),
    packed: view.getUint32(at + 20, true),
    offset: view.getUint32(at + 42, true),
  };
  for (let extra = extraAt; extra + 4 <= extraAt + extraBytes;) {
    const length = view.getUint16(extra + 2, true);
    if (view.getUint16(extra, true) === 1) {
      let from = extra + 4;
      for (const key of ["size", "packed", "offset"] as const) {
        if (fields[key] !== 0xffffffff) continue;
        fields[key] = Number(view.getBigUint64(from, true));
        from += 8;
      }
    }
    extra += 4 + length;
  }
  // The upper half of the attributes, where a Unix system made them: the kind of file.
  const isUnix = view.getUint8(at + 5) === 3;
  if (isUnix && (view.getUint16(at + 40, true) & 0xf000) === 0xa000) {
    return { problem: "it is a link, which leads nowhere from an archive, store the file itself" };
  }
  return { archive, name, ...fields, crc: view.getUint32(at + 16, true), deflated: method === 8 };
}

/** The archive's directory: all entries, one after the other. */
function readDirectory(file: Deno.FsFile): Uint8Array<ArrayBuffer> {
  const { size } = file.statSync();
  // Behind the end record there may be a comment of up to 65535 bytes.
  const tailAt = Math.max(0, size - END_BYTES - 0xffff);
  const tail = readExactly(file, tailAt, size - tailAt);
  const view = new DataView(tail.buffer);
  let at = tail.length - END_BYTES;
  while (at >= 0 && view.getUint32(at, true) !== END) at--;
  if (at < 0) throw new SyntaxError("it has no end record, so it is no zip archive or cut short");
  let bytes = view.getUint32(at + 12, true);
  let offset = view.getUint32(at + 16, true);
  if (at >= 20 && view.getUint32(at - 20, true) === END64_LOCATOR) {
    const end = readExactly(file, Number(view.getBigUint64(at - 12, true)), 56);
    const end64 = new DataView(end.buffer);
    if (end64.getUint32(0, true) !== END64) throw new SyntaxError("its end record is damaged");
    bytes = Number(end64.getBigUint64(40, true));
    offset = Number(end64.getBigUint64(48, true));
  }
  if (bytes > MOST_DIRECTORY_BYTES || offset + bytes > size) {
    throw new SyntaxError(`its directory of ${bytes} bytes at ${offset} is not in it`);
  }
  return readExactly(file, offset, bytes);
}
