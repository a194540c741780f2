/** Labelled images of one size, whole in memory: CIFAR-10's 50,000 take 154 MB. */
export interface ImageSet {
  /** Where the images come from, for messages: the data folder's name and the part. */
  readonly name: string;
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  /** Number of images. */
  readonly count: number;
  /** RGB bytes, `[count, height, width, 3]`, row-major. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** Class index per image, `[count]`, each below `classNames.length`. */
  readonly labels: Uint16Array<ArrayBuffer>;
  readonly classNames: readonly string[];
}

/** Training and test images of the same classes, in the same order of classes. */
export interface Dataset {
  readonly name: string;
  readonly train: ImageSet;
  readonly test: ImageSet;
}

/** Called while files are read or decoded: `what` names the step and the data set. */
export type Progress = (done: number, total: number, what: string) => void;
