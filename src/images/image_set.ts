/** What a set of labelled images is, without its pixels. */
export interface ImageInfo {
  /** Where the images come from, for messages: the data folder's name and the part. */
  readonly name: string;
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  /** Number of images. */
  readonly count: number;
  /** Class index per image, `[count]`, each below `classNames.length`. */
  readonly labels: Uint16Array<ArrayBuffer>;
  /** By class index. */
  readonly classNames: readonly string[];
}

/**
 * Labelled images of one size: whole in memory (CIFAR-10's 50,000 take 154 MB), or, where they are too
 * many for that, read from their packed file one by one. {@linkcode imagePixels} reads either.
 */
export interface ImageSet extends ImageInfo {
  /**
   * RGB bytes, `[count, height, width, 3]`, row-major.
   *
   * @throws {RangeError} If the images are not in memory.
   */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** Where the images are not in memory: those of one image, overwritten by the next call. */
  readonly read?: (index: number) => Uint8Array<ArrayBuffer>;
}

/**
 * RGB bytes of one image, `[height, width, 3]`. To be read at once: the next call may overwrite them.
 *
 * @throws {RangeError} If there is no such image.
 */
export function imagePixels(images: ImageSet, index: number): Uint8Array<ArrayBuffer> {
  const { name, count, height, width } = images;
  if (!(index >= 0 && index < count)) {
    throw new RangeError(`Cannot read image ${index} of ${name}: it has ${count}`);
  }
  if (images.read) return images.read(index);
  const bytes = height * width * 3;
  return images.pixels.subarray(index * bytes, (index + 1) * bytes);
}

/** Training and test images of the same classes, in the same order of classes. */
export interface Dataset {
  readonly name: string;
  readonly train: ImageSet;
  readonly test: ImageSet;
}

/** Called while files are read or decoded: `what` names the step and the data set. */
export type Progress = (done: number, total: number, what: string) => void;
