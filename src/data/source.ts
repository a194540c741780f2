import type { Progress } from "./image_set.ts";

/** What the formats that read files have in common. */
export interface FolderSource {
  /** Name of the data set's folder below the data root. */
  readonly folder: string;
  /** First images of each class to take, `null` for all. */
  readonly trainPerClass: number | null;
  /** First images of each class to take, `null` for all. */
  readonly testPerClass: number | null;
  /** Height and width the images must have, in pixels. Nothing is resized. */
  readonly size: number;
}

/** The official binary files `cifar-10-batches-bin`, in `folder` or below it. */
export interface Cifar10Source extends FolderSource {
  /** Which kind of source this is. */
  readonly format: "cifar10";
}

/** The official binary files `cifar-100-binary`, in `folder` or below it. */
export interface Cifar100Source extends FolderSource {
  /** Which kind of source this is. */
  readonly format: "cifar100";
  /** The 100 classes or the 20 superclasses; 100 classes unless told. */
  readonly labels?: "fine" | "coarse";
}

/** A folder per class of JPEG or PNG files below `train` and `test` (or `val`). */
export interface ImageFolderSource extends FolderSource {
  /** Which kind of source this is. */
  readonly format: "image_folder";
}

/** What `drawn` sources draw: one of two families of figures that share no figure. */
export interface DrawnFigures {
  /** The family: figures to learn, or others to dream of. */
  readonly kind: "shapes" | "dreams";
  /** The first so many figures of the family. */
  readonly classes: number;
  /** Training images of each class. */
  readonly trainPerClass: number;
  /** Test images of each class. */
  readonly testPerClass: number;
}

/** Images drawn by this program: no files. */
export interface DrawnSource {
  /** Which kind of source this is. */
  readonly format: "drawn";
  /** Which figures, and how many. */
  readonly drawn: DrawnFigures;
  /** Height and width drawn, in pixels, 8 to 64. */
  readonly size: number;
  /** Same seed, same images; 0 unless told. */
  readonly seed?: number;
}

/** Where the images of a data set come from. */
export type SourceOptions = Cifar10Source | Cifar100Source | ImageFolderSource | DrawnSource;

/** What opening a data set needs of its surroundings. */
export interface OpenContext {
  /** The folder that holds the data sets' folders (`--data DIR`); drawn sets need none. */
  readonly dataRoot: string | null;
  /** Where packed images are kept; made when missing. */
  readonly cacheDir: string;
  /** Told how far reading and decoding are. */
  readonly progress?: Progress;
  /** Gets what is odd but not wrong, such as a damaged cache; `console.warn` unless told. */
  readonly warn?: (message: string) => void;
}
