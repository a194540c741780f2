import { basename, resolve } from "node:path";
import { InputError } from "../errors.ts";
import type { PartImages, SetReport } from "./set_report.ts";
import { noteOrder } from "./class_order.ts";
import { checkImages } from "./check_images.ts";
import { core50Folders } from "./core50.ts";
import { endingOf, isLitter } from "./file_names.ts";
import type { FileTree } from "./file_tree.ts";
import { FolderCheck } from "./check_folder.ts";
import { hasClassFolders, notesOfLookAlikes, testPart, VAL_BESIDE_TEST } from "./image_listing.ts";
import type { Progress } from "../images/image_set.ts";
import { lookAlikeHint, nameText } from "../images/look_alike.ts";
import { isOfficialLayout } from "./official_layout.ts";
import { isOtherFormat } from "./passed_over.ts";
import { ANNOTATED_FOLDER, annotatedImages } from "./tiny_imagenet.ts";

/** Image files of one part, by class. */
interface Part {
  readonly name: string;
  readonly files: ReadonlyMap<string, readonly string[]>;
}

/** What is known of a data set before its images are read. */
interface Layout {
  readonly title: string;
  readonly parts: readonly Part[];
  readonly problems: readonly string[];
  readonly notes: readonly string[];
  /** Side of the images, if the data set has one by definition. */
  readonly size?: number;
  /** Whether it is a published data set, where its classes cannot tell. */
  readonly official?: boolean;
}

/**
 * Checks image files in folders, reading and decoding every one.
 *
 * @returns Null if the folder holds no image classes.
 */
export async function checkTree(
  tree: FileTree,
  path: string,
  progress: Progress,
): Promise<SetReport | null> {
  const layout = layoutOf(tree);
  if (layout === null) return null;
  const { title, parts, size } = layout;
  const problems = [...layout.problems];
  const notes = [...layout.notes];
  const paths = parts.flatMap(({ files }) => [...files.values()].flat());
  const official = layout.official ?? isOfficialLayout(tree, [...parts[0].files.keys()]);
  const images = await checkImages(
    tree,
    paths,
    { size, turned: !official },
    (done) => progress(done, paths.length, `reading ${path}`),
  );
  problems.push(...images.problems);
  notes.push(...images.notes);
  return { path, title, parts: parts.map(imagesOf), problems, notes };
}

function imagesOf({ name, files }: Part): PartImages {
  const drawnAs = name === "train" || name === "" ? "train" : "test";
  return { part: name || "classes", drawnAs, classes: files };
}

function layoutOf(tree: FileTree): Layout | null {
  if (tree.isFile("val/val_annotations.txt") || tree.isFile("wnids.txt")) return tinyLayout(tree);
  if (tree.isFolder("s1/o1") || tree.isFolder("s3/o1")) return core50Layout(tree);
  if (tree.isFolder("train") && hasFolders(tree, "train")) return trainTestLayout(tree);
  // A folder of data sets holds folders, too, but no images directly in them.
  if (!tree.folders("").some((name) => hasImages(tree, name))) return flatLayout(tree);
  const check = new FolderCheck(tree);
  const flat = partOf(check, "");
  const title = "class folders (to dream of, or to learn with ./wscl train --images)";
  return { title, parts: [flat], ...check.found() };
}

/** Images of one class, without a folder for it; null where there are none. */
function flatLayout(tree: FileTree): Layout | null {
  if (tree.folders("").length > 0 || tree.images("").length === 0) return null;
  const check = new FolderCheck(tree);
  const name = basename(resolve(tree.root));
  const files = new Map([[name, check.classIn(name, ["."], "")]]);
  const title =
    "images without class folders (to learn with ./wscl learn LEARNER DIR --class NAME)";
  return { title, parts: [{ name: "", files }], ...check.found() };
}

/** Whether images lie directly in a folder, or in its folder `images`; also such that are not read. */
function hasImages(tree: FileTree, folder: string): boolean {
  return [folder, `${folder}/images`].filter((path) => tree.isFolder(path)).some((path) =>
    tree.entries(path).some(({ name, kind }) => kind === "file" && isOtherFormat(endingOf(name))) ||
    tree.images(path).length > 0
  );
}

/** One that cannot be read has them, or so it must be said. */
function hasFolders(tree: FileTree, path: string): boolean {
  try {
    return tree.entries(path).some(({ name, kind }) => kind !== "file" && !isLitter(name));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return true;
  }
}

function partOf(check: FolderCheck, name: string): Part {
  return { name, files: check.part(name) };
}

function trainTestLayout(tree: FileTree): Layout {
  const check = new FolderCheck(tree);
  const title = "image folder";
  const train = partOf(check, "train");
  const testName = check.attempt(() => testPart(tree) ?? "none");
  if (testName === null || testName === "none") {
    if (testName) check.problems.push(`${tree.root}: neither test nor val has class folders`);
    return { title, parts: [train], ...check.found() };
  }
  const hasVal = testName === "test" && check.attempt(() => hasClassFolders(tree, "val"));
  if (hasVal) check.notes.push(VAL_BESIDE_TEST);
  const names = [...train.files.keys()];
  const order = noteOrder(names);
  if (order !== null) check.notes.push(order);
  check.notes.push(...notesOfLookAlikes(names));
  const test = partOf(check, testName);
  for (const [part, other] of [[train, test], [test, train]]) {
    // Of a part that cannot be read this has been said.
    if (other.files.size === 0) continue;
    const missing = [...part.files.keys()].filter((name) => !other.files.has(name));
    for (const name of missing) {
      const hint = lookAlikeHint(name, other.files.keys(), other.name);
      check.problems.push(
        `${tree.root}: class ${nameText(name)} is in ${part.name} and not in ${other.name}${hint}`,
      );
    }
  }
  return { title, parts: [train, test], ...check.found() };
}

function tinyLayout(tree: FileTree): Layout {
  const check = new FolderCheck(tree);
  const { problems, notes } = check;
  const train = partOf(check, "train");
  const classes = new Set(train.files.keys());
  const wnids = tree.isFile("wnids.txt") ? tree.text("wnids.txt").split(/\s+/).filter(Boolean) : [];
  if (wnids.length === 0) problems.push(`${tree.root}: wnids.txt is missing or empty`);
  for (const name of wnids.filter((name) => !classes.has(name))) {
    const hint = lookAlikeHint(name, classes, "train");
    problems.push(`${tree.root}: wnids.txt names class ${name}, train has no such folder${hint}`);
  }
  for (const name of new Set(wnids.filter((name, i) => wnids.indexOf(name) !== i))) {
    problems.push(`${tree.root}: wnids.txt names class ${name} twice`);
  }
  for (const name of wnids.length > 0 ? classes.difference(new Set(wnids)) : []) {
    notes.push(`train has a class ${nameText(name)} that wnids.txt does not name`);
  }
  const parts = [train];
  check.attempt(() => {
    const annotated = annotatedImages(tree, [...classes]);
    const present = new Set(check.folder(ANNOTATED_FOLDER)?.images);
    const listed = [...annotated.values()].flat();
    for (const path of listed.filter((path) => !present.has(path))) {
      problems.push(`${tree.root}/${path}: it is annotated and missing`);
    }
    const known = new Set(listed);
    for (const path of [...present].filter((path) => !known.has(path))) {
      problems.push(`${tree.root}/${path}: it is not in val_annotations.txt`);
    }
    const there = [...annotated].map(([name, list]) =>
      [name, list.filter((path) => present.has(path))] as const
    );
    for (const [name, list] of there) if (list.length === 0) check.reportEmpty(name, "val");
    parts.push({ name: "val", files: new Map(there) });
  });
  const official: Readonly<Record<string, number>> = { train: 500, val: 50 };
  for (const { name, files } of parts) {
    const other = [...files.values()].filter((list) => list.length !== official[name]).length;
    if (other > 0) {
      notes.push(
        `${other} classes have another number of ${name} images than the official ${
          official[name]
        }`,
      );
    }
  }
  return { title: "Tiny-ImageNet, official layout", parts, size: 64, ...check.found() };
}

function core50Layout(tree: FileTree): Layout {
  const check = new FolderCheck(tree);
  const parts: Part[] = [];
  for (const name of ["train", "test"] as const) {
    check.attempt(() => {
      const folders = core50Folders(tree, name);
      const files = [...folders].map(([category, paths]) => {
        return [category, check.classIn(category, paths, name)] as const;
      });
      parts.push({ name, files: new Map(files) });
    });
  }
  return { title: "CORe50", parts, official: true, ...check.found() };
}
