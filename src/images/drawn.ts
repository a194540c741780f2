import { InputError } from "../errors.ts";
import { Random } from "../random.ts";
import { DREAMS, SHAPES } from "./figures.ts";
import type { Dataset, ImageSet, Progress } from "./image_set.ts";
import { drawPicture } from "./picture.ts";
import type { DrawnSource } from "./source.ts";

/** Pictures are kept in memory, all of them. */
const MOST_BYTES = 2 ** 30;

/**
 * Draws a data set: pictures of figures, one class per figure, class after class. The same options give
 * the same bytes; a larger set of the same seed and size begins, class by class, with the smaller one;
 * and training and test pictures come from streams of their own.
 *
 * @throws {InputError} If the size, or so many classes or pictures, cannot be drawn.
 */
export function drawImages(
  options: DrawnSource,
  part: "train" | "test",
  progress: Progress = () => {},
): ImageSet {
  const { drawn: { kind, classes }, size, seed = 0 } = options;
  const figures = kind === "shapes" ? SHAPES : DREAMS;
  if (!Number.isInteger(size) || size < 8 || size > 64) {
    throw new InputError(`Cannot draw ${kind}: the size is ${size} pixels, choose 8 to 64`);
  }
  if (!Number.isInteger(classes) || classes < 1 || classes > figures.length) {
    throw new InputError(
      `Cannot draw ${kind}: ${classes} classes are asked for, choose 1 to ${figures.length}`,
    );
  }
  const perClass = part === "train" ? options.drawn.trainPerClass : options.drawn.testPerClass;
  const count = classes * perClass;
  const stride = size * size * 3;
  if (count * stride > MOST_BYTES) {
    throw new InputError(
      `Cannot draw ${kind}: ${count} pictures of ${size} x ${size} pixels take ` +
        `${(count * stride / 1e9).toFixed(1)} GB, at most ${
          (MOST_BYTES / 1e9).toFixed(1)
        } GB are ` +
        `kept; lower drawn.${part}PerClass`,
    );
  }
  const pixels = new Uint8Array(count * stride);
  for (let label = 0, at = 0; label < classes; label++) {
    progress(label, classes, `drawing ${kind}`);
    const figure = figures[label];
    const random = Random.stream(seed, `drawn ${part} ${figure.name}`);
    for (let n = 0; n < perClass; n++, at += stride) {
      drawPicture(pixels.subarray(at, at + stride), size, figure, random);
    }
  }
  return {
    name: `drawn-${kind}-${part}`,
    height: size,
    width: size,
    count,
    pixels,
    labels: Uint16Array.from({ length: count }, (_, i) => Math.floor(i / perClass)),
    classNames: figures.slice(0, classes).map(({ name }) => name),
  };
}

/** Training and test pictures of the same figures. */
export function drawDataset(options: DrawnSource, progress?: Progress): Dataset {
  return {
    name: `drawn-${options.drawn.kind}`,
    train: drawImages(options, "train", progress),
    test: drawImages(options, "test", progress),
  };
}
