import { join } from "node:path";
import { InputError } from "../errors.ts";
import { type CifarFormat, SIDE } from "./cifar_format.ts";
import { isFile } from "./folder_listing.ts";
import type { Progress } from "../images/image_set.ts";
import { readTarGz } from "./tar.ts";

/** Where CIFAR's files are read from: a folder, or the official archive. */
export interface CifarFiles {
  /** The folder or the archive, for messages. */
  readonly root: string;
  /** The bytes of the named files. */
  read(names: readonly string[], progress: Progress): Promise<Uint8Array[]>;
}

/** Largest official file: CIFAR-100's training part. */
const MOST_RECORDS = 50_000;
/** Official archives unpack to less than 200 MB. */
const MOST_ARCHIVE_BYTES = 2 ** 28;

/** The files in `root`, or in the folder of the official name below it. */
export function cifarFolder(root: string, format: CifarFormat): CifarFiles {
  const folder = isFile(join(root, format.nameFile)) ? root : join(root, format.folder);
  const read = (name: string) => readBytes(join(folder, name), format);
  return {
    root: folder,
    // deno-lint-ignore require-await -- an archive has to wait, a folder does not
    async read(names, progress) {
      return names.map((name, i) => {
        progress(i + 1, names.length, `reading ${folder}`);
        return read(name);
      });
    },
  };
}

/** The files in the official archive, which stays packed. */
export function cifarArchive(path: string, format: CifarFormat): CifarFiles {
  let unpacked: Promise<Map<string, Uint8Array>> | null = null;
  const unpack = (progress: Progress) => {
    const names = [format.nameFile, ...format.train.files, ...format.test.files];
    const size = Deno.statSync(path).size;
    return unpacked ??= readTarGz(
      path,
      new Set(names.map((name) => `${format.folder}/${name}`)),
      { fileBytes: MOST_RECORDS * format.recordBytes, totalBytes: MOST_ARCHIVE_BYTES },
      (bytes) => progress(bytes, size, `unpacking ${path}`),
    );
  };
  return {
    root: path,
    async read(names, progress) {
      const files = await unpack(progress);
      return names.map((name) => {
        const bytes = files.get(`${format.folder}/${name}`);
        if (bytes !== undefined) return bytes;
        throw new InputError(
          `Cannot read ${path}: it has no file ${format.folder}/${name}, download ${format.archive} again`,
        );
      });
    },
  };
}

function readBytes(path: string, format: CifarFormat): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    const found = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : (error as Error).message;
    throw new InputError(
      `Cannot read ${path}: ${found}, unpack ${format.archive} from ` +
        `https://www.cs.toronto.edu/~kriz/cifar.html into the data folder, or put it there as it is`,
    );
  }
}

/** Records in the bytes of a file. @throws {InputError} If it does not hold whole records. */
export function recordsIn(bytes: Uint8Array, path: string, format: CifarFormat): number {
  if (bytes.length === 0 || bytes.length % format.recordBytes !== 0) {
    throw new InputError(
      `Cannot read ${path}: ${bytes.length} bytes are not a multiple of the ${format.recordBytes} ` +
        `bytes of a ${format.title} record, the file is cut short; unpack ${format.archive} again`,
    );
  }
  return bytes.length / format.recordBytes;
}

/** The label of a record. @throws {InputError} If there is no such class. */
export function labelOf(bytes: Uint8Array, record: number, path: string, format: CifarFormat) {
  const label = bytes[record * format.recordBytes + format.labelAt];
  if (label < format.classes) return label;
  throw new InputError(
    `Cannot read ${path}: record ${record} has label ${label}, the labels of ${format.title} are 0 to ` +
      `${format.classes - 1}; unpack ${format.archive} again`,
  );
}

/** The class names, a line each. @throws {InputError} If it is another number of them. */
export function namesIn(bytes: Uint8Array, path: string, format: CifarFormat): string[] {
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/).map((line) => line.trim());
  const names = lines.filter((line) => line !== "");
  if (names.length === format.classes) return names;
  throw new InputError(
    `Cannot read ${path}: found ${names.length} class names where ${format.title} has ` +
      `${format.classes}; unpack ${format.archive} again`,
  );
}

const PLANE = SIDE * SIDE;

/** The picture of a record as RGB bytes `[32, 32, 3]`; the file has three planes. */
export function pictureOf(bytes: Uint8Array, record: number, format: CifarFormat): Uint8Array {
  const from = (record + 1) * format.recordBytes - 3 * PLANE;
  const pixels = new Uint8Array(3 * PLANE);
  for (let i = 0, to = 0; i < PLANE; i++) {
    pixels[to++] = bytes[from + i];
    pixels[to++] = bytes[from + PLANE + i];
    pixels[to++] = bytes[from + 2 * PLANE + i];
  }
  return pixels;
}
