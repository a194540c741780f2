import { join } from "node:path";
import { InputError } from "../errors.ts";
import type { Packable } from "./cache.ts";
import { type CifarFormat, SIDE } from "./cifar_format.ts";
import { contentKey, digestOf } from "./content_key.ts";
import { isFile } from "./folder_listing.ts";

const PLANE = SIDE * SIDE;

/** What is taken of CIFAR's files. */
export interface CifarPartOptions {
  readonly part: "train" | "test";
  readonly format: CifarFormat;
  /** First records of each class, in file order, `null` for all. */
  readonly perClass: number | null;
}

/**
 * One part of the official CIFAR binary files. A record is its label bytes and 3072 bytes of picture,
 * the red plane, the green and the blue, each `[32, 32]` row-major
 * (https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version").
 *
 * @param root The data set's folder: holds the files, or the folder of the official name.
 * @param warn Told when the number of records is not the official one.
 */
export function cifarPart(
  root: string,
  name: string,
  { part, format, perClass }: CifarPartOptions,
  warn: (message: string) => void,
): Packable {
  const folder = isFile(join(root, format.nameFile)) ? root : join(root, format.folder);
  const paths = format[part].files.map((file) => join(folder, file));
  const namePath = join(folder, format.nameFile);
  return {
    name,
    // deno-lint-ignore require-await -- Packable promises; nothing here has to wait
    async contentKey(progress) {
      const digests = [digestOf(readBytes(namePath, format))];
      let records = 0;
      for (const [i, path] of paths.entries()) {
        const file = readRecords(path, format);
        records += file.length / format.recordBytes;
        digests.push(digestOf(file));
        progress(i + 1, paths.length, `reading ${name}`);
      }
      if (records !== format[part].records) {
        warn(
          `Reading ${folder}: the ${part} files have ${records} records where the official ones have ` +
            `${format[part].records}; if that is not meant, unpack ${format.archive} again`,
        );
      }
      const description = { format: format.title, labelAt: format.labelAt, perClass };
      const read = [format.nameFile, ...format[part].files];
      return contentKey(description, read, Uint8Array.from(digests.flatMap((d) => [...d])));
    },
    // deno-lint-ignore require-await -- as above
    async decode() {
      const classNames = readNames(namePath, format);
      const files = paths.map((path) => readRecords(path, format));
      const taken = chooseRecords(paths, files, format, perClass);
      if (perClass !== null) checkLimit(folder, taken, classNames, perClass);
      return {
        name,
        height: SIDE,
        width: SIDE,
        count: taken.length,
        pixels: interleave(taken.map(({ planes }) => planes)),
        labels: Uint16Array.from(taken, ({ label }) => label),
        classNames,
      };
    },
  };
}

interface Taken {
  readonly label: number;
  /** `[3, 32, 32]` */
  readonly planes: Uint8Array;
}

function chooseRecords(
  paths: readonly string[],
  files: readonly Uint8Array[],
  format: CifarFormat,
  perClass: number | null,
): Taken[] {
  const taken: Taken[] = [];
  const counts = new Uint32Array(format.classes);
  for (const [f, file] of files.entries()) {
    for (let at = 0; at < file.length; at += format.recordBytes) {
      const label = file[at + format.labelAt];
      if (label >= format.classes) {
        throw new InputError(
          `Cannot read ${paths[f]}: record ${
            at / format.recordBytes
          } has label ${label}, the labels ` +
            `of ${format.title} are 0 to ${format.classes - 1}; unpack ${format.archive} again`,
        );
      }
      if (perClass !== null && counts[label] >= perClass) continue;
      counts[label]++;
      const end = at + format.recordBytes;
      taken.push({ label, planes: file.subarray(end - 3 * PLANE, end) });
    }
  }
  return taken;
}

/** Planes `[3, 32, 32]` per image to RGB bytes `[count, 32, 32, 3]`. */
function interleave(images: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(images.length * 3 * PLANE);
  let to = 0;
  for (const planes of images) {
    for (let i = 0; i < PLANE; i++) {
      pixels[to++] = planes[i];
      pixels[to++] = planes[PLANE + i];
      pixels[to++] = planes[2 * PLANE + i];
    }
  }
  return pixels;
}

function checkLimit(
  folder: string,
  taken: readonly Taken[],
  classNames: readonly string[],
  perClass: number,
): void {
  const counts = new Uint32Array(classNames.length);
  for (const { label } of taken) counts[label]++;
  const short = counts.findIndex((count) => count < perClass);
  if (short >= 0) {
    throw new InputError(
      `Cannot take ${perClass} images per class of ${folder}: class ${classNames[short]} has ` +
        `${counts[short]}, lower the limit per class`,
    );
  }
}

function readRecords(path: string, format: CifarFormat): Uint8Array {
  const bytes = readBytes(path, format);
  if (bytes.length === 0 || bytes.length % format.recordBytes !== 0) {
    throw new InputError(
      `Cannot read ${path}: ${bytes.length} bytes are not a multiple of the ${format.recordBytes} ` +
        `bytes of a ${format.title} record, the file is cut short; unpack ${format.archive} again`,
    );
  }
  return bytes;
}

function readNames(path: string, format: CifarFormat): string[] {
  const text = new TextDecoder().decode(readBytes(path, format));
  const names = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== "");
  if (names.length !== format.classes) {
    throw new InputError(
      `Cannot read ${path}: found ${names.length} class names where ${format.title} has ` +
        `${format.classes}; unpack ${format.archive} again`,
    );
  }
  return names;
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
        `https://www.cs.toronto.edu/~kriz/cifar.html into the data folder`,
    );
  }
}
