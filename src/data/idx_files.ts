import { basename, dirname, join } from "node:path";
import { InputError } from "../errors.ts";
import { digestOf } from "./content_key.ts";
import { FASHION_MNIST, type IdxFileName } from "./fashion_mnist.ts";
import { isFile } from "./folder_listing.ts";
import { type IdxFile, readIdx } from "./idx_file.ts";
import type { Progress } from "../images/image_set.ts";

/** How the test part is called: in MNIST's files, or in those of its relatives. */
const PREFIXES = { train: ["train"], test: ["t10k", "test"] } as const;

/** The parts of a data set in idx format. */
export type IdxPartName = keyof typeof PREFIXES;

/** Where the files of an idx data set are: in `folder`, or in `raw` below it, as torchvision unpacks them. */
export function idxRoot(folder: string): string {
  const raw = join(folder, "raw");
  return countIdxFiles(folder) === 0 && countIdxFiles(raw) > 0 ? raw : folder;
}

/** How many of the four files are in a folder. */
export function countIdxFiles(root: string): number {
  return (["train", "test"] as const).flatMap((part) =>
    (["images", "labels"] as const).map((kind) => findIdx(root, part, kind))
  ).filter((path) => path !== null).length;
}

function findIdx(root: string, part: IdxPartName, kind: "images" | "labels"): string | null {
  return namesOf(part, kind).map((name) => join(root, name)).find(isFile) ?? null;
}

/** The names that a file may have; the first that is there counts. */
function namesOf(part: IdxPartName, kind: "images" | "labels"): string[] {
  const type = kind === "images" ? "idx3-ubyte" : "idx1-ubyte";
  const names = PREFIXES[part].flatMap((prefix) =>
    ["-", "."].map((sign) => `${prefix}-${kind}${sign}${type}`)
  );
  return names.flatMap((name) => [name, `${name}.gz`]);
}

/** A file that was read. */
export interface ReadIdx extends IdxFile {
  readonly path: string;
  /** SHA-256 of the unpacked file. */
  readonly digest: Uint8Array;
}

/** @throws {InputError} If the file is missing or damaged. */
export async function readIdxOf(
  root: string,
  part: IdxPartName,
  kind: "images" | "labels",
  progress: Progress,
): Promise<ReadIdx> {
  const path = findIdx(root, part, kind);
  if (path === null) {
    const [name] = namesOf(part, kind);
    const hint = isFashionFolder(root) ? `; ${FASHION_MNIST.installed.hint}` : ", put it there";
    throw new InputError(`Cannot read ${root}: it has no file ${name} or ${name}.gz${hint}`);
  }
  const file = await readIdx(path, kind, (done, total) => {
    progress(done, total, `reading ${path}`);
  });
  return { ...file, path, digest: digestOf(file.bytes) };
}

function isFashionFolder(root: string): boolean {
  const name = basename(root) === "raw" ? basename(dirname(root)) : basename(root);
  return (FASHION_MNIST.folders as readonly string[]).includes(name);
}

/** Whether these labels are of Fashion-MNIST: by the folder's name, or by their content. */
export function isFashionMnist(root: string, trainLabels: ReadIdx): boolean {
  return isFashionFolder(root) || isPublished("train-labels", trainLabels.digest);
}

/** Whether a file is the one that was published for Fashion-MNIST. */
export function isPublished(name: IdxFileName, digest: Uint8Array): boolean {
  return digest.toHex() === FASHION_MNIST.sha256[name];
}

/** The class names: Fashion-MNIST's own, or the labels from 0 to the greatest. */
export function idxClassNames(root: string, trainLabels: ReadIdx): readonly string[] {
  if (isFashionMnist(root, trainLabels)) return FASHION_MNIST.classNames;
  const most = trainLabels.values.reduce((a, b) => Math.max(a, b));
  return Array.from({ length: most + 1 }, (_, label) => String(label));
}

/** @throws {InputError} If a label has no class, or there are not as many labels as images. */
export function checkLabels(images: ReadIdx, labels: ReadIdx, classes: number): void {
  if (images.shape[0] !== labels.shape[0]) {
    throw new InputError(
      `Cannot read ${labels.path}: it has ${labels.shape[0]} labels, and ${images.path} has ` +
        `${images.shape[0]} images; the two do not belong together, copy or download both again`,
    );
  }
  const wrong = labels.values.findIndex((label) => label >= classes);
  if (wrong < 0) return;
  throw new InputError(
    `Cannot read ${labels.path}: label ${wrong} is ${
      labels.values[wrong]
    }, the classes of the training part ` +
      `are 0 to ${classes - 1}; copy or download it again`,
  );
}
