import { InputError } from "../errors.ts";
import { type Packable, packedOnce } from "./cache.ts";
import { cifarPart } from "./cifar.ts";
import { cifarArchive, type CifarFiles, cifarFolder } from "./cifar_files.ts";
import { CIFAR10, cifar100, type CifarFormat, SIDE } from "./cifar_format.ts";
import { readClassList } from "./class_list.ts";
import { listCore50 } from "./core50.ts";
import { drawDataset, drawImages } from "../images/drawn.ts";
import { type FileTree, folderTree } from "./file_tree.ts";
import { FASHION_MNIST } from "./fashion_mnist.ts";
import { idxPart } from "./idx.ts";
import { idxRoot } from "./idx_files.ts";
import { imageFolderPart } from "./image_folder.ts";
import { type ImageListing, listDreams, listTest, listTrain } from "./image_listing.ts";
import type { Dataset, ImageSet } from "../images/image_set.ts";
import { locate } from "./locate.ts";
import { isOfficialLayout } from "./official_layout.ts";
import type {
  Cifar100Source,
  Cifar10Source,
  Core50Source,
  FolderSource,
  IdxSource,
  ImageFolderSource,
  SourceOptions,
} from "../images/source.ts";
import type { OpenContext } from "./open_context.ts";
import type { SubsetChoice, SubsetPart } from "./subset.ts";
import { listApart } from "./set_apart.ts";
import { zipTree } from "./zip_tree.ts";

const MOST_BYTES_IN_MEMORY = 2 ** 30;

/**
 * Opens the training and test images of a data set: drawn, or read from its folder or archive below
 * `context.dataRoot` once and from the cache after that.
 *
 * @throws {InputError} If a file is missing, damaged or not as `options` says.
 */
export async function openDataset(options: SourceOptions, context: OpenContext): Promise<Dataset> {
  if (options.format === "drawn") return drawDataset(options, context.progress);
  // Both parts come before any decoding, so that a wrong layout is told at once.
  const { train, test } = parts(options, context);
  const dataset = { train: train(), test: test() };
  return {
    name: options.folder,
    train: await open(dataset.train, context),
    test: await open(dataset.test, context),
  };
}

/**
 * Opens the images to dream of: the training part of a data set, or, in an image folder, class folders
 * that lie directly in it. `testPerClass` does not matter.
 *
 * @throws {InputError} If a file is missing, damaged or not as `options` says.
 */
export async function openDreams(options: SourceOptions, context: OpenContext): Promise<ImageSet> {
  if (options.format === "drawn") return drawImages(options, "train", context.progress);
  return await open(parts(options, context).dreams(), context);
}

function open(part: Packable, context: OpenContext): Promise<ImageSet> {
  return packedOnce(part, {
    cacheDir: context.cacheDir,
    mostBytes: context.mostBytes ?? MOST_BYTES_IN_MEMORY,
    progress: context.progress ?? (() => {}),
    warn: context.warn ?? console.warn,
  });
}

/** The parts that can be opened of a data set; a part is only looked for when it is called. */
interface Parts {
  train(): Packable;
  test(): Packable;
  dreams(): Packable;
}

function parts(options: Exclude<SourceOptions, { format: "drawn" }>, context: OpenContext): Parts {
  switch (options.format) {
    case "cifar10":
      return cifarParts(options, CIFAR10, context);
    case "cifar100":
      return cifarParts(options, cifar100(options.labels ?? "fine"), context);
    case "idx":
      return idxParts(options, context);
    case "image_folder":
      return folderParts(options, context);
    case "core50":
      return core50Parts(options, context);
  }
}

function cifarParts(
  options: Cifar10Source | Cifar100Source,
  format: CifarFormat,
  { dataRoot, warn = console.warn }: OpenContext,
): Parts {
  const { folder, size, classes, exclude } = options;
  if (size !== SIDE) {
    throw new InputError(
      `Cannot open ${folder}: the size asked for is ${size} pixels and ${format.title} has ${SIDE}, ` +
        `set the size to ${SIDE}`,
    );
  }
  const { path, isArchive } = locate(folder, dataRoot, [format.archive]);
  // Both parts share what is unpacked.
  const files: CifarFiles = isArchive ? cifarArchive(path, format) : cifarFolder(path, format);
  const part = (part: "train" | "test") => {
    const choice = { classes, exclude, ...subsetChoice(options, part) };
    return cifarPart(files, `${folder}-${part}`, { part, format, ...choice }, warn);
  };
  return { train: () => part("train"), test: () => part("test"), dreams: () => part("train") };
}

function idxParts(options: IdxSource, { dataRoot, warn = console.warn }: OpenContext): Parts {
  const { folder, size, classes, exclude } = options;
  const isFashion = (FASHION_MNIST.folders as readonly string[]).includes(folder);
  const installed = isFashion ? FASHION_MNIST.installed : null;
  const root = idxRoot(locate(folder, dataRoot, [], installed).path);
  const part = (part: "train" | "test") => {
    const choice = { classes, exclude, ...subsetChoice(options, part) };
    return idxPart(root, `${folder}-${part}`, { part, size, ...choice }, warn);
  };
  return { train: () => part("train"), test: () => part("test"), dreams: () => part("train") };
}

function folderParts(
  options: ImageFolderSource,
  { dataRoot, warn: note = console.warn }: OpenContext,
): Parts {
  const { folder, classes, exclude } = options;
  const tree = openTree(folder, dataRoot);
  const list = options.classList ?? null;
  const classList = list === null ? null : readClassList(list, tree, dataRoot!);
  const choice = { classes, exclude, classList, note };
  let train: ImageListing | null = null;
  const ofTrain = { ...choice, ...subsetChoice(options, "train") };
  const ofTest = { ...choice, ...subsetChoice(options, "test") };
  const share = options.testShare ?? null;
  const listedTrain = () =>
    train ??= share === null ? listTrain(tree, ofTrain) : listApart(tree, "train", share, ofTrain);
  const part = (name: string, listing: ImageListing) => {
    const turned = !isOfficialLayout(tree, listing.classNames);
    return imageFolderPart(tree, `${folder}-${name}`, listing, { ...options, turned });
  };
  return {
    train: () => part("train", listedTrain()),
    test() {
      const { classNames } = listedTrain();
      const listing = share === null
        ? listTest(tree, ofTest, classNames)
        : listApart(tree, "test", share, ofTest, classNames);
      return part("test", listing);
    },
    dreams() {
      const listing = listDreams(tree, ofTrain);
      return part("dreams", listing);
    },
  };
}

function core50Parts(
  options: Core50Source,
  { dataRoot, warn: note = console.warn }: OpenContext,
): Parts {
  const { folder, classes, exclude } = options;
  const tree = openTree(folder, dataRoot);
  const part = (part: "train" | "test") => {
    const choice = { classes, exclude, note, ...subsetChoice(options, part) };
    const listing = listCore50(tree, part, choice);
    return imageFolderPart(tree, `${folder}-${part}`, listing, { ...options, turned: false });
  };
  return { train: () => part("train"), test: () => part("test"), dreams: () => part("train") };
}

function subsetChoice(
  { trainPerClass, testPerClass, subsetSeed }: FolderSource,
  part: SubsetPart,
): SubsetChoice {
  const perClass = part === "train" ? trainPerClass : testPerClass;
  // Plain JavaScript may leave it out.
  return { perClass: perClass ?? null, subsetSeed };
}

function openTree(folder: string, dataRoot: string | null): FileTree {
  const { path, isArchive } = locate(folder, dataRoot, [`${folder}.zip`]);
  return isArchive ? zipTree(path) : folderTree(path);
}
