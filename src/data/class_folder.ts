import { InputError } from "../errors.ts";
import { endingOf, isImageName, isLitter } from "./file_names.ts";
import { type FileTree, holdsImage } from "./file_tree.ts";
import type { Entry } from "./folder_listing.ts";

/** What lies in the folder of one class. Paths are relative to the data set's folder. */
export interface ClassFolder {
  readonly path: string;
  /** Images that are read, by name. */
  readonly images: readonly string[];
  /** What is there and not read. */
  readonly passedOver: PassedOver;
  /** What cannot be looked at, such as links that lead nowhere. */
  readonly unusable: readonly Unusable[];
  /** Links among the images. */
  readonly links: readonly string[];
}

/** Numbers of files by ending: `.webp`, empty for none. */
export type EndingCounts = ReadonlyMap<string, number>;

/** Files that are not read. */
export interface PassedOver {
  /** Beside the images. */
  readonly files: EndingCounts;
  /** Beside a folder `images`, where that is what is read. */
  readonly besideImages: EndingCounts;
  /** In folders further down. */
  readonly below: EndingCounts;
  /** Those folders. */
  readonly folders: readonly string[];
  /** Links to folders: not followed, or there might be no end of them. */
  readonly linkedFolders: readonly string[];
  /** Hidden files and folders, and those that systems make. */
  readonly litter: number;
}

/** Something that cannot be read. */
export interface Unusable {
  /** A whole message: path, what it is, and the fix. */
  readonly problem: string;
  /** Whether it would be an image, by its name. */
  readonly isImage: boolean;
}

/**
 * The images of a class: the JPEG and PNG files in its folder, or, where it has a folder `images` that holds
 * some, as Tiny-ImageNet has it, in that one. A file is an image by its name, and where the name says nothing
 * or another format, by its first bytes. Folders further down are counted, not read.
 *
 * @throws {InputError} If there is no such folder, or it cannot be read.
 */
export function classFolder(tree: FileTree, path: string): ClassFolder {
  const own = look(tree, path);
  const inside = own.folders.includes("images") ? lookInside(tree, `${path}/images`, own) : null;
  const takesInside = inside !== null && inside.images.length > 0;
  const read = takesInside ? inside : own;
  const folder = takesInside ? `${path}/images` : path;
  const others = own.folders.filter((name) => !takesInside || name !== "images");
  if (takesInside) others.push(...inside.folders.map((name) => `images/${name}`));
  const below = new Below(tree, others.map((name) => `${path}/${name}`));
  // Where the boxes of the objects are, in the official layout.
  const boxes = `${path.split("/").at(-1)}_boxes.txt`;
  const beside = takesInside ? [...own.images, ...own.files].filter((name) => name !== boxes) : [];
  return {
    path,
    images: read.images.map((name) => `${folder}/${name}`),
    passedOver: {
      files: countEndings(read.files),
      besideImages: countEndings(beside),
      below: countEndings(below.files),
      folders: others,
      linkedFolders: own.linkedFolders,
      litter: own.litter + (takesInside ? inside.litter : 0) + below.litter,
    },
    unusable: [...own.unusable, ...takesInside ? inside.unusable : [], ...below.unusable],
    links: read.links.map((name) => `${folder}/${name}`),
  };
}

/** Names of what lies directly in a folder. */
interface Look {
  readonly images: string[];
  readonly files: string[];
  readonly folders: string[];
  readonly linkedFolders: string[];
  /** Those of the images that are links. */
  readonly links: string[];
  readonly unusable: Unusable[];
  litter: number;
}

function look(tree: FileTree, folder: string): Look {
  const found: Look = {
    images: [],
    files: [],
    folders: [],
    linkedFolders: [],
    links: [],
    unusable: [],
    litter: 0,
  };
  for (const entry of tree.entries(folder)) {
    const { name, kind, isLink } = entry;
    if (isLitter(name)) found.litter++;
    else if (kind === "unusable") found.unusable.push(unusable(tree, folder, entry));
    else if (kind === "folder" && isLink && name !== "images") found.linkedFolders.push(name);
    else if (kind === "folder") found.folders.push(name);
    else if (isImage(tree, folder, name, found.unusable)) {
      found.images.push(name);
      if (isLink) found.links.push(name);
    } else found.files.push(name);
  }
  return found;
}

/** Null if it cannot be read, which `own` is told. */
function lookInside(tree: FileTree, folder: string, own: Look): Look | null {
  try {
    return look(tree, folder);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    own.unusable.push({ problem: error.message, isImage: false });
    return null;
  }
}

/** What an entry that cannot be used is to be called. */
export function unusable(tree: FileTree, folder: string, { name, problem }: Entry): Unusable {
  const path = folder === "" ? name : `${folder}/${name}`;
  return {
    problem: `Cannot read ${tree.root}/${path}: ${problem}`,
    isImage: isImageName(name),
  };
}

function isImage(tree: FileTree, folder: string, name: string, unusable: Unusable[]): boolean {
  if (isImageName(name)) return true;
  try {
    return holdsImage(tree.place(`${folder}/${name}`), name);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    unusable.push({ problem: error.message, isImage: false });
    return false;
  }
}

/** Everything in the folders and below them, counted and not read; links to folders are not followed. */
class Below {
  readonly files: string[] = [];
  readonly unusable: Unusable[] = [];
  litter = 0;

  constructor(tree: FileTree, folders: readonly string[]) {
    for (const folder of folders) this.#count(tree, folder);
  }

  #count(tree: FileTree, folder: string): void {
    for (const entry of this.#entries(tree, folder)) {
      const { name, kind, isLink } = entry;
      if (isLitter(name)) this.litter++;
      else if (kind === "file") this.files.push(name);
      else if (kind === "unusable") {
        this.unusable.push({ ...unusable(tree, folder, entry), isImage: false });
      } else if (!isLink) this.#count(tree, `${folder}/${name}`);
    }
  }

  #entries(tree: FileTree, folder: string): ReturnType<FileTree["entries"]> {
    try {
      return tree.entries(folder);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.unusable.push({ problem: error.message, isImage: false });
      return [];
    }
  }
}

function countEndings(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const ending of names.map(endingOf)) counts.set(ending, (counts.get(ending) ?? 0) + 1);
  return counts;
}
