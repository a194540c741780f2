import { join } from "node:path";
import { InputError } from "../errors.ts";
import { type Packable, packedOnce } from "./cache.ts";
import { cifarPart } from "./cifar.ts";
import { CIFAR10, cifar100, type CifarFormat, SIDE } from "./cifar_format.ts";
import { drawImages } from "./drawn.ts";
import { foldersIn, isFolder } from "./folder_listing.ts";
import { imageFolderPart, listDreams, listTest, listTrain } from "./image_folder.ts";
import type { Dataset, ImageSet } from "./image_set.ts";
import type { Cifar100Source, Cifar10Source, OpenContext, SourceOptions } from "./source.ts";

export type { OpenContext, SourceOptions } from "./source.ts";

/**
 * Opens the training and test images of a data set: drawn, or read from its folder below
 * `context.dataRoot` once and from the cache after that.
 *
 * @throws {InputError} If a file is missing, damaged or not as `options` says.
 */
export async function openDataset(options: SourceOptions, context: OpenContext): Promise<Dataset> {
  if (options.format === "drawn") {
    return {
      name: `drawn-${options.drawn.kind}`,
      train: drawImages(options, "train"),
      test: drawImages(options, "test"),
    };
  }
  const root = findFolder(options.folder, context.dataRoot);
  if (options.format === "image_folder") {
    // Both listings come before any reading, so that a wrong layout is told at once.
    const train = listTrain(root, options.trainPerClass);
    const test = listTest(root, options.testPerClass, train.classNames);
    return {
      name: options.folder,
      train: await open(
        imageFolderPart(root, `${options.folder}-train`, train, options.size),
        context,
      ),
      test: await open(
        imageFolderPart(root, `${options.folder}-test`, test, options.size),
        context,
      ),
    };
  }
  return {
    name: options.folder,
    train: await open(cifar(options, root, "train", context), context),
    test: await open(cifar(options, root, "test", context), context),
  };
}

/**
 * Opens the images to dream of: the training part of a data set, or, in an image folder, class folders
 * that lie directly in it. `testPerClass` does not matter.
 *
 * @throws {InputError} If a file is missing, damaged or not as `options` says.
 */
export async function openDreams(options: SourceOptions, context: OpenContext): Promise<ImageSet> {
  if (options.format === "drawn") return drawImages(options, "train");
  const root = findFolder(options.folder, context.dataRoot);
  if (options.format === "image_folder") {
    const listing = listDreams(root, options.trainPerClass);
    return await open(
      imageFolderPart(root, `${options.folder}-dreams`, listing, options.size),
      context,
    );
  }
  return await open(cifar(options, root, "train", context), context);
}

function open(part: Packable, context: OpenContext): Promise<ImageSet> {
  const { cacheDir, progress = () => {}, warn = console.warn } = context;
  return packedOnce(part, cacheDir, progress, warn);
}

function cifar(
  options: Cifar10Source | Cifar100Source,
  root: string,
  part: "train" | "test",
  { warn = console.warn }: OpenContext,
): Packable {
  const format: CifarFormat = options.format === "cifar10"
    ? CIFAR10
    : cifar100(options.labels ?? "fine");
  if (options.size !== SIDE) {
    throw new InputError(
      `Cannot open ${options.folder}: the size asked for is ${options.size} pixels and ` +
        `${format.title} has ${SIDE}, set the size to ${SIDE}`,
    );
  }
  const perClass = part === "train" ? options.trainPerClass : options.testPerClass;
  return cifarPart(root, `${options.folder}-${part}`, { part, format, perClass }, warn);
}

function findFolder(folder: string, dataRoot: string | null): string {
  if (dataRoot === null) {
    throw new InputError(
      `Cannot open the data set ${folder}: no data folder was given, pass --data DIR with the folder ` +
        `that holds ${folder}`,
    );
  }
  const root = join(dataRoot, folder);
  if (isFolder(root)) return root;
  const present = isFolder(dataRoot) ? foldersIn(dataRoot).join(", ") : "";
  throw new InputError(
    `Cannot open the data set ${folder}: there is no folder ${root} (folders there: ` +
      `${
        present || "none"
      }), unpack the data set there or pass --data DIR with the folder that holds it`,
  );
}
