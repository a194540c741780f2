/**
 * How images of another size become square ones of the size asked for; all but `cover` do not keep the aspect ratio:
 *
 * - `none`: not at all, another size is an error;
 * - `lanczos`: as Pillow (the official ImageNet-100 and CORe50 transform);
 * - `cover`: the square in the centre, as long as the shorter side, as Pillow's `ImageOps.fit` with Lanczos;
 * - `bilinear`: as OpenCV;
 * - `skimage`: as scikit-image, rounded to bytes (official CORe50 dreams);
 * - `official_cifar100_aux`: bilinear to 256 pixels, then `skimage` (official CIFAR-100 dreams).
 */
export type Resize =
  | "none"
  | "lanczos"
  | "cover"
  | "bilinear"
  | "skimage"
  | "official_cifar100_aux";

/** All values of {@linkcode Resize}. */
export const RESIZES = [
  "none",
  "lanczos",
  "cover",
  "bilinear",
  "skimage",
  "official_cifar100_aux",
] as const satisfies readonly Resize[];

/** A class number, a class name, or a range of numbers such as `"0-99"`, both ends included. */
export type ClassItem = number | string;

/** What the formats that read files have in common. */
export interface FolderSource {
  /**
   * Name of the data set's folder below the data root. Its archive may lie there instead (`FOLDER.zip`;
   * CIFAR: the official `.tar.gz`), and the data root may be the folder or the archive itself.
   */
  readonly folder: string;
  /** Images of each class to take, drawn at random by `subsetSeed`; `null` for all. */
  readonly trainPerClass: number | null;
  /** Images of each class to take, drawn at random by `subsetSeed`; `null` for all. */
  readonly testPerClass: number | null;
  /**
   * Same seed, same images, whatever the run's method and seed; 0 unless told. A class's draw does not
   * depend on the other classes, and a larger draw holds the smaller one.
   */
  readonly subsetSeed?: number;
  /**
   * The classes to take, renumbered from 0 in this order: class numbers, ranges of them such as `"0-99"`
   * (both ends included), names. All unless told.
   */
  readonly classes?: readonly ClassItem[] | null;
  /** Classes to leave out of `classes`; the others keep their order. None unless told. */
  readonly exclude?: readonly ClassItem[];
  /** Height and width the images must have or are resized to, in pixels. */
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

/**
 * Grey images in the files of MNIST and its relatives, `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
 * `t10k-...`, each also with `.gz`. The classes of Fashion-MNIST have its names, others their numbers. The
 * folder `fashion-mnist` is also found where Debian's package `dataset-fashion-mnist` has it.
 */
export interface IdxSource extends FolderSource {
  /** Which kind of source this is. */
  readonly format: "idx";
}

/** JPEG or PNG files in folders. */
export interface PictureSource extends FolderSource {
  /** How images of another size are brought to `size`; `"none"` unless told: they are refused. */
  readonly resize?: Resize;
}

/** A folder per class of JPEG or PNG files below `train` and `test` (or `val`). */
export interface ImageFolderSource extends PictureSource {
  /** Which kind of source this is. */
  readonly format: "image_folder";
  /**
   * A class-list file: names the class folders to read and numbers them. Looked for in the data set's
   * folder, in the data root, and among this program's own lists. `null`, unless told: all class folders
   * by sorted names.
   */
  readonly classList?: string | null;
  /**
   * For a folder without test images, whose class folders may then lie directly in it: the share of each class's
   * images, above 0 and at most 0.5, that is set apart to test and never trained on; at least 3, drawn by
   * `subsetSeed`. Left out: there must be a folder `test` or `val`.
   */
  readonly testShare?: number;
}

/** CORe50: sessions `s1` to `s11`, in each a folder per object, `o1` to `o50`; five objects a category. */
export interface Core50Source extends PictureSource {
  /** Which kind of source this is. */
  readonly format: "core50";
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
export type SourceOptions =
  | Cifar10Source
  | Cifar100Source
  | IdxSource
  | ImageFolderSource
  | Core50Source
  | DrawnSource;
