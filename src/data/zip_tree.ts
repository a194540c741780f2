import { InputError } from "../errors.ts";
import { type FileTree, readText } from "./file_tree.ts";
import { byName, isImageName } from "./folder_listing.ts";
import { readExactly, type ZipPlace } from "./zip_place.ts";

const END = 0x06054b50;
const END_BYTES = 22;
const END64_LOCATOR = 0x07064b50;
const END64 = 0x06064b50;
const ENTRY = 0x02014b50;
const MOST_DIRECTORY_BYTES = 2 ** 28;

interface Folder {
  readonly folders: Map<string, Folder>;
  readonly files: Map<string, ZipPlace>;
}

/**
 * The files in a zip archive, read in place: nothing is unpacked to disk, so no name in it can lead
 * anywhere. Where all of it lies in one folder (`tiny-imagenet-200/...`), paths start below that.
 *
 * @throws {InputError} If the file is no zip archive, is damaged, or is encrypted.
 */
export function zipTree(path: string): FileTree {
  let top: Folder;
  try {
    using file = Deno.openSync(path);
    top = readTree(file, path);
  } catch (error) {
    throw new InputError(
      `Cannot read ${path}: ${(error as Error).message}, copy or download the archive again`,
    );
  }
  while (top.files.size === 0 && top.folders.size === 1) [top] = top.folders.values();
  const folderAt = (path: string) =>
    parts(path).reduce<Folder | undefined>((folder, name) => folder?.folders.get(name), top);
  const fileAt = (path: string) => {
    const names = parts(path);
    return folderAt(names.slice(0, -1).join("/"))?.files.get(names.at(-1) ?? "");
  };
  const place = (name: string) => {
    const found = fileAt(name);
    if (found === undefined) throw new InputError(`Cannot read ${path}: it has no file ${name}`);
    return found;
  };
  return {
    root: path,
    folders: (path) => [...folderAt(path)?.folders.keys() ?? []].sort(byName),
    images: (path) => [...folderAt(path)?.files.keys() ?? []].filter(isImageName).sort(byName),
    isFolder: (path) => folderAt(path) !== undefined,
    isFile: (path) => fileAt(path) !== undefined,
    place,
    text: (name) => readText(place(name)),
  };
}

const parts = (path: string) => path.split(/[\\/]/).filter((name) => name !== "");

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
    const name = new TextDecoder().decode(directory.subarray(at + 46, at + 46 + nameBytes));
    add(top, name, readEntry(view, at, at + 46 + nameBytes, extraBytes, name, archive));
    at += 46 + nameBytes + extraBytes + view.getUint16(at + 32, true);
  }
  return top;
}

function add(top: Folder, path: string, place: ZipPlace): void {
  const names = path.split("/");
  // What other systems add; a name that starts with a dot ("..", too) is hidden, as in folders.
  if (names[0] === "__MACOSX" || names.some((name) => name.startsWith("."))) return;
  const last = names.pop()!;
  let folder = top;
  for (const name of names) {
    let next = folder.folders.get(name);
    if (next === undefined) {
      folder.folders.set(name, next = { folders: new Map(), files: new Map() });
    }
    folder = next;
  }
  if (last !== "") folder.files.set(last, place);
}

function readEntry(
  view: DataView,
  at: number,
  extraAt: number,
  extraBytes: number,
  name: string,
  archive: string,
): ZipPlace {
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
