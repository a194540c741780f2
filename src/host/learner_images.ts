import { basename, join, resolve, sep } from "node:path";
import { InputError } from "../errors.ts";
import type { Given } from "../continual/given.ts";
import { forEachBatch } from "../data/file_pool.ts";
import { type FileTree, folderTree, readPlace } from "../data/file_tree.ts";
import { endingOf, isImageName, isLitter } from "../data/file_names.ts";
import { isFile, isFolder } from "../data/folder_listing.ts";
import { decodeImage } from "../data/decode_image.ts";
import { listDreams, trainingPart } from "../data/image_listing.ts";
import type { Progress } from "../images/image_set.ts";
import { nameText } from "../images/look_alike.ts";

/** Files of one class. */
interface ClassFiles {
  readonly name: string;
  readonly paths: readonly string[];
}

/** How a learner's images are read. */
interface Reading {
  /** Pixels, height and width: the square in the centre is taken. */
  readonly size: number;
  readonly progress: Progress;
  /** Told of files that are passed over. */
  readonly note: (text: string) => void;
}

/**
 * The images of a folder to learn: those of each class folder, `DIR/CLASS` or `DIR/train/CLASS`, or, with a name, those
 * that lie directly in it. Nothing of them is kept in a cache.
 *
 * @throws {InputError} for a folder of another layout, and for a file that cannot be read.
 */
export async function readTaught(
  path: string,
  className: string | undefined,
  { size, progress, note, examines = false }: Reading & {
    /** They are to be examined with: nobody can say of what class they are but their folders. */
    readonly examines?: boolean;
  },
): Promise<Given[]> {
  refuseNoFolder(path);
  const tree = folderTree(path);
  const files = className === undefined
    ? classFiles(tree, note, examines)
    : [{ name: className, paths: flatFiles(tree, className) }];
  return await decodeAll(files, { size, progress });
}

/**
 * Images to ask about, with their names: a file, or all images of a folder, those of the folders below it too. Links to
 * folders are followed, but each folder is looked into once, and none that holds the one that it is found in.
 *
 * @throws {InputError} where there are none, or the one file cannot be read.
 */
export async function readAsked(
  path: string,
  { size, progress, failed, note = () => {} }: Omit<Reading, "note"> & Partial<Reading> & {
    /** Told of each file of a folder that cannot be read: the others are answered all the same. */
    readonly failed: (message: string) => void;
  },
): Promise<Given[]> {
  if (isFile(path)) return await decodeAll([{ name: "", paths: [path] }], { size, progress });
  if (!isFolder(path)) {
    throw new InputError(
      `Cannot ask about ${path}: there is no such file or folder; name a picture, or a folder of some`,
    );
  }
  const paths = imagesBelow(path, { failed, note });
  if (paths.length === 0) {
    throw new InputError(`Cannot ask about ${path}: it holds no JPEG or PNG files; name some`);
  }
  try {
    return await decodeAll([{ name: "", paths }], { size, progress });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return await decodeEach(paths, size, failed);
  }
}

/** Paths of all images in a folder and below it; `note` is told of what is no image, `failed` of what might be. */
function imagesBelow(
  root: string,
  { failed, note }: Record<"failed" | "note", (text: string) => void>,
): string[] {
  const tree = folderTree(root);
  const seen = new Set<string>();
  const passedOver: string[] = [];
  const below = (folder: string, within: string | null): string[] => {
    const path = join(root, folder);
    const real = Deno.realPathSync(path);
    if (within !== null && (within + sep).startsWith(real.replace(/[/\\]$/, "") + sep)) {
      note(`Passed over: ${path} leads back to a folder that it lies in`);
      return [];
    }
    if (seen.has(real)) return [];
    seen.add(real);
    const entries = tree.entries(folder).filter(({ name }) => !isLitter(name));
    const images = tree.images(folder);
    const isRead = new Set(images);
    for (const { name, kind, problem } of entries) {
      if (kind === "file" && !isRead.has(name)) passedOver.push(name);
      if (kind !== "unusable") continue;
      const text = `Cannot read ${join(path, name)}: ${problem}`;
      if (isImageName(name)) failed(text);
      else note(`Passed over: ${text}`);
    }
    const inside = entries.filter(({ kind }) => kind === "folder").flatMap(({ name }) => {
      try {
        return below(join(folder, name), real);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        failed(error.message);
        return [];
      }
    });
    return [...images.map((name) => join(path, name)), ...inside];
  };
  const paths = below("", null);
  if (passedOver.length > 0) {
    const counts = [...Map.groupBy(passedOver, endingOf)]
      .map(([ending, names]) => `${names.length} ${ending || "without ending"}`);
    note(`Passed over in ${root}: ${counts.join(", ")}; JPEG and PNG files are read`);
  }
  return paths;
}

/** The images of those files that can be read; `failed` is told of each other one. */
async function decodeEach(
  paths: readonly string[],
  size: number,
  failed: (message: string) => void,
): Promise<Given[]> {
  const images: Given[] = [];
  for (const path of paths) {
    try {
      const bytes = readPlace(path);
      images.push({ label: "", from: path, pixels: await readBytes(bytes, path, size) });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      failed(error.message);
    }
  }
  return images;
}

/** An image as bytes, such as from standard input. @throws {InputError} for bytes that are none. */
export async function readBytes(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  return await decodeImage(bytes, name, size, "cover", true);
}

function classFiles(
  tree: FileTree,
  note: (text: string) => void,
  examines: boolean,
): ClassFiles[] {
  if (tree.folders("").length === 0 && tree.images("").length > 0) {
    throw new InputError(
      examines
        ? `Cannot examine with the images of ${tree.root}: they lie in no class folder; name the folder above, or put ` +
          "them into a folder named after their class"
        : `Cannot learn the images of ${tree.root}: they lie in no class folder; say what they are with --class ${
          nameText(basename(resolve(tree.root)))
        }, or put them into a folder named after their class`,
    );
  }
  const part = trainingPart(tree);
  const left = tree.images(part);
  if (left.length > 0) {
    note(
      `Passed over: ${left.length} image${
        left.length === 1 ? "" : "s"
      } beside the class folders in ${join(tree.root, part)}`,
    );
  }
  const listing = listDreams(tree, { classList: null, perClass: null, note });
  return listing.classNames.map((name, label) => ({
    name,
    paths: listing.paths.filter((_, i) => listing.labels[i] === label)
      .map((path) => join(tree.root, path)),
  }));
}

function flatFiles(tree: FileTree, className: string): string[] {
  const names = tree.images("");
  if (names.length > 0) return names.map((name) => join(tree.root, name));
  const folders = tree.folders("");
  throw new InputError(
    `Cannot learn ${nameText(className)}: no JPEG or PNG files lie directly in ${tree.root}` +
      (folders.length > 0
        ? `, but ${folders.length} folder${
          folders.length === 1 ? "" : "s"
        }; leave --class out if they are classes`
        : "; name a folder that holds images"),
  );
}

async function decodeAll(
  classes: readonly ClassFiles[],
  { size, progress }: Omit<Reading, "note">,
): Promise<Given[]> {
  const files = classes.flatMap(({ name, paths }) => paths.map((path) => ({ name, path })));
  const area = size * size * 3;
  const pixels = new Uint8Array(files.length * area);
  await forEachBatch(
    { kind: "decode", size, resize: "cover", turned: true },
    files.map(({ path }) => path),
    (first, { bytes }) => pixels.set(bytes, first * area),
    (done) => progress(done, files.length, "reading images"),
  );
  return files.map(({ name, path }, i) => ({
    label: name,
    from: path,
    pixels: pixels.slice(i * area, (i + 1) * area),
  }));
}

function refuseNoFolder(path: string): void {
  if (isFolder(path)) return;
  const found = isFile(path) ? "it is a file" : "there is no such file or folder";
  throw new InputError(`Cannot read the images of ${path}: ${found}; name a folder of images`);
}
