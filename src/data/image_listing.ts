import { basename } from "node:path";
import { InputError } from "../errors.ts";
import { chooseClasses, type ClassChoice } from "./class_selection.ts";
import { type ClassFolder, classFolder, type Unusable, unusable } from "./class_folder.ts";
import { endingOf, isImageName, isLitter } from "./file_names.ts";
import { noteLeftOut, noteOrder } from "./class_order.ts";
import type { FileTree } from "./file_tree.ts";
import {
  difference,
  lookAlikeHint,
  lookAlikePairs,
  nameText,
  quoted,
} from "../images/look_alike.ts";
import { describePassedOver, isOtherFormat, notePassedOver } from "./passed_over.ts";
import { type SubsetChoice, type SubsetPart, takeSubset } from "./subset.ts";
import { ANNOTATED_FOLDER, annotatedImages } from "./tiny_imagenet.ts";

/** The image files of one part of a data set, class by class, in each class by name. */
export interface ImageListing {
  readonly classNames: readonly string[];
  /** In the data set's folder, one per image. */
  readonly paths: readonly string[];
  /** Class index per image. */
  readonly labels: Uint16Array<ArrayBuffer>;
}

/** What is taken of the class folders. */
export interface ListingOptions extends ClassChoice, SubsetChoice {
  /** The class folders to read, in the order of class numbers; `null` for all, sorted. */
  readonly classList: readonly string[] | null;
  /** Told what is not read. */
  readonly note?: (text: string) => void;
}

/** `train/CLASS/*`, or `train/CLASS/images/*` as Tiny-ImageNet has it. */
export function listTrain(tree: FileTree, options: ListingOptions): ImageListing {
  if (!tree.isFolder("train")) {
    throw new InputError(
      `Cannot open the image folder ${tree.root}: it has no folder train, put the images into ` +
        `train/CLASS and test/CLASS${lookAlikeHint("train", tree.folders(""), "it")}`,
    );
  }
  const names = chosenClasses(tree, "train", options);
  if (takesAll(options)) noteAbout(tree, "train", noteOrder(names), options);
  return listClasses(tree, "train", names, options);
}

/**
 * `test/CLASS/*`, else `val/CLASS/*`, else Tiny-ImageNet's `val/images` with `val_annotations.txt`.
 *
 * @param classNames Those of the training part.
 * @throws {InputError} If there is none of them, or the classes differ from those of `train`.
 */
export function listTest(
  tree: FileTree,
  options: ListingOptions,
  classNames: readonly string[],
): ImageListing {
  if (tree.isFile("val/val_annotations.txt") && !tree.isFolder("val/" + classNames[0])) {
    const known = options.classList ?? tree.folders("train");
    const all = annotatedImages(tree, known);
    const files = new Map(classNames.map((name) => [name, all.get(name) ?? []]));
    const without = classNames.find((name) => files.get(name)!.length === 0);
    if (without !== undefined) {
      throw new InputError(
        `Cannot open the image folder ${tree.root}/val: val_annotations.txt names no image of class ` +
          `${nameText(without)}, unpack tiny-imagenet-200.zip again or leave the class out`,
      );
    }
    noteNotAnnotated(tree, new Set([...all.values()].flat()), options);
    return group(tree, files, ANNOTATED_FOLDER, "test", options);
  }
  const part = testPart(tree);
  if (part === undefined) {
    throw new InputError(
      `Cannot open the image folder ${tree.root}: neither test nor val has class folders, put the test ` +
        `images into test/CLASS`,
    );
  }
  const folders = tree.folders(part);
  const missing = classNames.filter((name) => !folders.includes(name));
  refuseUnusable(unusableIn(tree, part, (name) => missing.includes(name)));
  const known = new Set([...classNames, ...tree.folders("train")]);
  const extra = options.classList ? [] : folders.filter((name) => !known.has(name));
  if (missing.length + extra.length > 0) {
    throw new InputError(
      `Cannot open the image folder ${tree.root}: train and ${part} have different classes (only in ` +
        `train: ${some(missing)}; only in ${part}: ${some(extra)}), give both the same folders` +
        missing.map((name) => lookAlikeHint(name, extra, part)).join(""),
    );
  }
  if (part === "test" && hasClassFolders(tree, "val")) options.note?.(VAL_BESIDE_TEST);
  return listClasses(tree, part, classNames, options);
}

/** Says what is passed over among the images that `val_annotations.txt` gives a class, by what it does not name too. */
function noteNotAnnotated(
  tree: FileTree,
  annotated: ReadonlySet<string>,
  { note = () => {} }: ListingOptions,
): void {
  const folder = classFolder(tree, ANNOTATED_FOLDER);
  const others = notePassedOver(inTree(tree, "val"), [folder]);
  if (others !== null) note(others);
  for (const { problem } of folder.unusable) note(`Passed over: ${problem}`);
  const names = folder.images.filter((path) => !annotated.has(path)).map((path) => basename(path));
  if (names.length === 0) return;
  const are = names.length === 1 ? "image is" : "images are";
  note(
    `Reading ${
      inTree(tree, ANNOTATED_FOLDER)
    }: ${names.length} ${are} not in val_annotations.txt ` +
      `(${some(names)}), passed over; unpack tiny-imagenet-200.zip again, or add a line for each`,
  );
}

/** What is said of a data set that has both. */
export const VAL_BESIDE_TEST =
  "The folder val is passed over: the images of test are those that test";

/** The first of `test` and `val` that has class folders. */
export function testPart(tree: FileTree): "test" | "val" | undefined {
  return (["test", "val"] as const).find((name) => hasClassFolders(tree, name));
}

/** Tiny-ImageNet has `test/images`, ImageNet `test/*`: images without classes. */
export function hasClassFolders(tree: FileTree, part: string): boolean {
  const folders = tree.isFolder(part) ? tree.folders(part) : [];
  return folders.length > 0 && !folders.includes("images");
}

/** A dream set: `train/CLASS/*` where there is a folder `train` with folders, else `CLASS/*`. */
export function listDreams(tree: FileTree, options: ListingOptions): ImageListing {
  const part = trainingPart(tree);
  return listClasses(tree, part, chosenClasses(tree, part, options), options);
}

/** Where the class folders are: in `train`, or in the data set's folder, where `train` may be one of them. */
export function trainingPart(tree: FileTree): "train" | "" {
  if (!tree.isFolder("train")) return "";
  const isClass = tree.folders("train").length === 0 && tree.images("train").length > 0;
  return isClass ? "" : "train";
}

/** Names of the class folders to take, in the order of their new numbers. */
export function chosenClasses(tree: FileTree, part: string, options: ListingOptions): string[] {
  const where = inTree(tree, part);
  const folders = tree.folders(part);
  // Without a name's ending it was meant for a folder: leaving it out would number the classes anew.
  if (takesAll(options)) refuseUnusable(unusableIn(tree, part, (name) => endingOf(name) === ""));
  if (folders.length === 0) {
    throw new InputError(
      `Cannot open the image folder ${where}: it has no class folders, put the images of each class ` +
        `into a folder of their own`,
    );
  }
  const all = options.classList ?? folders;
  const names = chooseClasses(all, options, where).map((number) => all[number]);
  const there = new Set(folders);
  const missing = names.filter((name) => !there.has(name));
  refuseUnusable(unusableIn(tree, part, (name) => missing.includes(name)));
  if (missing.length > 0) {
    throw new InputError(
      `Cannot open the image folder ${where}: ${missing.length} of the ${names.length} classes wanted ` +
        `have no folder there (${some(missing)}), complete the data set or choose other classes` +
        missing.map((name) => lookAlikeHint(name, folders, "it")).join(""),
    );
  }
  noteAbout(tree, part, noteLeftOut(folders, names), options);
  for (const text of notesOfLookAlikes(names)) noteAbout(tree, part, text, options);
  return names;
}

/** Whether nothing says which classes are taken, and in which order. */
function takesAll({ classes = null, classList }: ListingOptions): boolean {
  return classes === null && classList === null;
}

function noteAbout(
  tree: FileTree,
  part: string,
  text: string | null,
  { note = () => {} }: ListingOptions,
): void {
  if (text !== null) note(`Reading ${inTree(tree, part)}: ${text}`);
}

/** Classes that a reader would take for one. */
export function notesOfLookAlikes(names: readonly string[]): string[] {
  return lookAlikePairs(names).map(([a, b]) =>
    `the classes ${quoted(a)} and ${quoted(b)} look alike and are two, they differ ${
      difference(a, b)
    }`
  );
}

/** The images of these class folders of a part; `drawnAs` and `pick` as {@linkcode listImages} has them. */
export function listClasses(
  tree: FileTree,
  part: "train" | "test" | "val" | "",
  classNames: readonly string[],
  { note = () => {}, ...choice }: ListingOptions,
  drawnAs: SubsetPart = part === "train" || part === "" ? "train" : "test",
  pick?: PickFiles,
): ImageListing {
  const beside = besideClasses(tree, part);
  if (beside !== null) note(`Reading ${inTree(tree, part)}: ${beside}`);
  const folders = classNames.map((name): [string, ClassFolder[]] => [
    name,
    [classFolder(tree, part === "" ? name : `${part}/${name}`)],
  ]);
  return listImages(tree, new Map(folders), part, drawnAs, { ...choice, note }, pick);
}

/** Images that lie in a part's folder beside the class folders, in words; null if there are none. */
export function besideClasses(tree: FileTree, part: string): string | null {
  const names = tree.entries(part).filter(({ kind }) => kind === "file").map(({ name }) => name);
  const images = names.filter((name) => isImageName(name) || isOtherFormat(endingOf(name)));
  if (images.length === 0) return null;
  const lie = images.length === 1 ? "image lies" : "images lie";
  return `${images.length} ${lie} beside the class folders (${
    some(images)
  }), passed over; put each ` +
    `into the folder of its class`;
}

/** Which files of a class are meant, before any are drawn from them. */
export type PickFiles = (className: string, files: readonly string[]) => readonly string[];

/**
 * The images of class folders: all, or as many as are to be drawn. Classes are numbered in the map's order.
 *
 * @param folders Those that belong to each class.
 * @param part The folder that they lie in, for messages.
 * @param pick All files, unless told.
 * @throws {InputError} If a class has too few images, or one that cannot be read.
 */
export function listImages(
  tree: FileTree,
  folders: ReadonlyMap<string, readonly ClassFolder[]>,
  part: string,
  drawnAs: SubsetPart,
  { note = () => {}, ...choice }: SubsetChoice & Pick<ListingOptions, "note">,
  pick: PickFiles = (_name, files) => files,
): ImageListing {
  const all = [...folders.values()].flat();
  const text = notePassedOver(inTree(tree, part), all);
  if (text !== null) note(text);
  const broken = all.flatMap(({ unusable }) => unusable);
  refuseUnusable(broken.filter(({ isImage }) => isImage));
  for (const { problem } of broken) note(`Passed over: ${problem}`);
  for (const [name, ofClass] of folders) {
    if (ofClass.every(({ images }) => images.length === 0)) {
      throw new InputError(
        `Cannot open the image folder ${inTree(tree, part)}: ${withoutImages(name, ofClass)}`,
      );
    }
  }
  const files = [...folders].map(([name, ofClass]) =>
    [name, pick(name, ofClass.flatMap(({ images }) => images))] as const
  );
  return group(tree, new Map(files), part, drawnAs, choice);
}

function withoutImages(name: string, folders: readonly ClassFolder[]): string {
  const [passedOver] = folders.flatMap(({ passedOver }) => describePassedOver(passedOver) ?? []);
  return `class ${nameText(name)} has 0 JPEG or PNG files and at least 1 is needed, ` +
    (passedOver ?? "add images");
}

/** What lies directly in a part's folder, cannot be used, and has a name that is asked for. */
function unusableIn(tree: FileTree, part: string, wanted: (name: string) => boolean): Unusable[] {
  return tree.entries(part)
    .filter(({ name, kind }) => kind === "unusable" && !isLitter(name) && wanted(name))
    .map((entry) => unusable(tree, part, entry));
}

function refuseUnusable([first, ...others]: readonly Unusable[]): void {
  if (first === undefined) return;
  const more = others.length > 0
    ? ` (and ${others.length} more like it; ./wscl data check names them)`
    : "";
  throw new InputError(first.problem + more);
}

/** Numbers the classes in the map's order and takes all images of each, or as many as are to be drawn. */
function group(
  tree: FileTree,
  files: ReadonlyMap<string, readonly string[]>,
  part: string,
  drawnAs: SubsetPart,
  choice: SubsetChoice,
): ImageListing {
  const classNames = [...files.keys()];
  const paths = [...files.values()].flat();
  const labels = [...files.values()].flatMap(({ length }, label) => Array(length).fill(label));
  const places = takeSubset(labels, classNames, drawnAs, choice, inTree(tree, part));
  return {
    classNames,
    paths: Array.from(places, (place) => paths[place]),
    labels: Uint16Array.from(places, (place) => labels[place]),
  };
}

function inTree({ root }: FileTree, part: string): string {
  return part === "" ? root : `${root}/${part}`;
}

function some(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const text = names.slice(0, 3).map(nameText).join(", ");
  return names.length <= 3 ? text : `${text} and more`;
}
