import type { Packable } from "./cache.ts";
import { type CifarFiles, labelOf, namesIn, pictureOf, recordsIn } from "./cifar_files.ts";
import { type CifarFormat, SIDE } from "./cifar_format.ts";
import { noteLeftOut } from "./class_order.ts";
import { chooseClasses, type ClassChoice, renumbered } from "./class_selection.ts";
import { contentKey, digestOf } from "./content_key.ts";
import type { Progress } from "../images/image_set.ts";
import { type SubsetChoice, takeSubset } from "./subset.ts";

/** What is taken of CIFAR's files. */
export interface CifarPartOptions extends ClassChoice, SubsetChoice {
  readonly part: "train" | "test";
  readonly format: CifarFormat;
}

/** A record. */
interface Taken {
  readonly file: number;
  readonly record: number;
  /** Number of its class among those chosen, -1 for another class. */
  readonly label: number;
}

/**
 * One part of the official CIFAR binary files, in file order. A record is its label bytes and 3072 bytes
 * of picture, the red plane, the green and the blue, each `[32, 32]` row-major
 * (https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version").
 *
 * @param warn Told when the number of records is not the official one.
 */
export function cifarPart(
  files: CifarFiles,
  name: string,
  { part, format, perClass, subsetSeed = 0, classes = null, exclude = [] }: CifarPartOptions,
  warn: (message: string) => void,
): Packable {
  const binaries = format[part].files;
  const names = [format.nameFile, ...binaries];
  const pathOf = (name: string) => `${files.root}/${name}`;
  let read: ReturnType<typeof readAll> | null = null;

  const readAll = async (progress: Progress) => {
    const [nameBytes, ...contents] = await files.read(names, progress);
    const all = namesIn(nameBytes, pathOf(format.nameFile), format);
    const chosen = chooseClasses(all, { classes, exclude }, files.root);
    const labels = contents.map((bytes, i) => {
      const path = pathOf(binaries[i]);
      const length = recordsIn(bytes, path, format);
      return Array.from({ length }, (_, record) => labelOf(bytes, record, path, format));
    });
    const records = labels.flatMap((ofFile, file) =>
      Array.from(
        renumbered(ofFile, chosen),
        (label, record): Taken => ({ file, record, label }),
      )
    );
    const classNames = chosen.map((number) => all[number]);
    const choice = { perClass, subsetSeed };
    const ofRecords = records.map(({ label }) => label);
    const places = takeSubset(ofRecords, classNames, part, choice, files.root);
    const taken = Array.from(places, (place) => records[place]);
    const digests = [nameBytes, ...contents].flatMap((bytes) => [...digestOf(bytes)]);
    return { contents, taken, all, classNames, digests: Uint8Array.from(digests) };
  };

  const keyOf = (classNames: readonly string[], digests: Uint8Array) => {
    const { title, labelAt } = format;
    const subset = perClass === null ? { perClass } : { perClass, subsetSeed };
    return contentKey({ format: title, labelAt, ...subset, classNames }, names, digests);
  };

  return {
    name,
    async contentKey(progress) {
      const { all, classNames, contents, digests } = await (read ??= readAll(progress));
      const records = contents.reduce((sum, { length }) => sum + length / format.recordBytes, 0);
      if (records !== format[part].records) {
        warn(
          `Reading ${files.root}: the ${part} files have ${records} records where the official ones ` +
            `have ${format[part].records}; if that is not meant, unpack ${format.archive} again`,
        );
      }
      const left = noteLeftOut(all, classNames);
      // The classes of the test part are the same.
      if (left !== null && part === "train") warn(`Reading ${files.root}: ${left}`);
      return keyOf(classNames, digests);
    },
    async info() {
      const { taken, classNames } = await (read ??= readAll(() => {}));
      const labels = Uint16Array.from(taken, ({ label }) => label);
      return { name, height: SIDE, width: SIDE, count: taken.length, labels, classNames };
    },
    async decode(put, progress) {
      const { contents, taken, classNames, digests } = await (read ??= readAll(progress));
      for (let first = 0; first < taken.length; first += 1000) {
        const some = taken.slice(first, first + 1000);
        const pixels = new Uint8Array(some.length * SIDE * SIDE * 3);
        some.forEach(({ file, record }, i) => {
          pixels.set(pictureOf(contents[file], record, format), i * SIDE * SIDE * 3);
        });
        put(first, pixels);
        progress(first + some.length, taken.length, `packing ${name}`);
      }
      return keyOf(classNames, digests);
    },
  };
}
