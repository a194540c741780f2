import { isImageName } from "./file_names.ts";
import type { ClassFolder, EndingCounts, PassedOver } from "./class_folder.ts";

/** Formats of images that are not read. */
const OTHER_FORMATS = new RegExp(
  "^\\.(webp|gif|bmp|dib|tiff?|heic|heif|avif|jxl|jp2|j2k|jpx|svg|ico|ppm|pgm|pbm|pnm|tga|psd|xcf|" +
    "exr|hdr|dds|raw|cr2|cr3|nef|arw|dng|orf|rw2)$",
);

/** Whether a file with this ending is an image that is not read. */
export function isOtherFormat(ending: string): boolean {
  return OTHER_FORMATS.test(ending);
}

/** How many files of a class are not read, those of systems aside. */
function countPassedOver({ files, besideImages, below }: PassedOver): number {
  return total(files) + total(besideImages) + total(below);
}

/**
 * `6 files are passed over: 2 .bmp, 4 .png in folders below it (day1); convert them ...`; null where nothing is.
 */
export function describePassedOver(passedOver: PassedOver): string | null {
  const { files, besideImages, below, folders, linkedFolders } = passedOver;
  const groups: string[] = [];
  if (files.size > 0) groups.push(endings(files));
  if (besideImages.size > 0) groups.push(`${endings(besideImages)} beside its folder images`);
  if (below.size > 0) groups.push(`${endings(below)} in folders below it (${some(folders)})`);
  if (linkedFolders.length > 0) groups.push(`links to folders (${some(linkedFolders)})`);
  if (groups.length === 0) return null;
  const count = countPassedOver(passedOver);
  const what = count === 0 ? "passed over" : `${countFiles(count)} passed over`;
  return [`${what}: ${groups.join(", ")}`, ...fixes(passedOver)].join("; ");
}

/**
 * The same of all classes of a part, as one note; null where nothing is passed over.
 *
 * @param where The part's folder.
 */
export function notePassedOver(where: string, folders: readonly ClassFolder[]): string | null {
  const lines = folders.flatMap(({ path, passedOver }) => {
    const text = describePassedOver(passedOver);
    return text === null ? [] : [`${path}: ${text}`];
  });
  if (lines.length === 0) return null;
  const count = folders.reduce((sum, { passedOver }) => sum + countPassedOver(passedOver), 0);
  const more = lines.length > MOST_CLASSES
    ? [`and ${lines.length - MOST_CLASSES} more classes; ./wscl data check names them all`]
    : [];
  const what = count === 0 ? "links to folders are" : countFiles(count);
  return [
    `Reading ${where}: ${what} passed over, ` +
    `JPEG and PNG files directly in the classes' folders are read`,
    ...[...lines.slice(0, MOST_CLASSES), ...more].map((line) => `  ${line}`),
  ].join("\n");
}

const MOST_CLASSES = 5;

const countFiles = (count: number) => `${count} ${count === 1 ? "file is" : "files are"}`;

function fixes({ files, besideImages, below }: PassedOver): string[] {
  const found = [...files.keys(), ...besideImages.keys(), ...below.keys()];
  const holdsImages = (counts: EndingCounts) =>
    [...counts.keys()].some((ending) => isOtherFormat(ending) || isImageName(`name${ending}`));
  const fixes: string[] = [];
  if (found.some(isOtherFormat)) fixes.push("convert them to PNG or JPEG");
  if (holdsImages(besideImages)) fixes.push("put all images into one folder");
  if (holdsImages(below)) fixes.push("move those below into the class's folder");
  return fixes.length === 0 ? [] : [`${fixes.join(", ")}, if they are to be learned`];
}

/** `2 .bmp, 4 .webp, 1 without ending` */
function endings(counts: EndingCounts): string {
  const sorted = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return sorted.map(([ending, count]) => `${count} ${ending || "without ending"}`).join(", ");
}

function total(counts: EndingCounts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function some(names: readonly string[]): string {
  return names.length <= 3
    ? names.join(", ")
    : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}
