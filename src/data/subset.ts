import { InputError } from "../errors.ts";
import { Random } from "../random.ts";

/** How many images of each class are taken, and which. */
export interface SubsetChoice {
  /** Images of each class, drawn at random without replacement; `null` for all. */
  readonly perClass: number | null;
  /** Same seed, same images; 0 unless told. */
  readonly subsetSeed?: number;
}

/** The part of a data set that is drawn from; images to dream of are a training part. */
export type SubsetPart = "train" | "test";

/**
 * Places, ascending, of the images drawn from one class that has `count`. They depend on the seed, the part, the
 * class's name and `count`, and on nothing else: neither on the other classes nor on the run, so that all
 * methods and seeds of a comparison see the same images. A larger draw holds the smaller one.
 *
 * @param perClass At most `count`.
 */
export function drawSubset(
  count: number,
  className: string,
  part: SubsetPart,
  { perClass, subsetSeed = 0 }: SubsetChoice,
): Uint32Array<ArrayBuffer> {
  if (perClass === null) return Uint32Array.from({ length: count }, (_, place) => place);
  const random = Random.stream(subsetSeed, `subset ${part} ${className}`);
  return random.sampleWithoutReplacement(count, perClass).sort();
}

/**
 * Places of the images that are taken of a part, in the order of the data: {@linkcode drawSubset} in each class.
 *
 * @param labels Class index per image, below `classNames.length`; negative for images that are left out.
 * @param where The data set, for the message.
 * @throws {InputError} If a class has fewer images than are to be taken.
 */
export function takeSubset(
  labels: ArrayLike<number>,
  classNames: readonly string[],
  part: SubsetPart,
  choice: SubsetChoice,
  where: string,
): Uint32Array<ArrayBuffer> {
  const ofClass = classNames.map((): number[] => []);
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] >= 0) ofClass[labels[i]].push(i);
  }
  const { perClass } = choice;
  const short = ofClass.findIndex((places) => places.length < (perClass ?? 0));
  if (short >= 0) {
    throw new InputError(
      `Cannot take ${perClass} images per class of ${where}: class ${classNames[short]} has ` +
        `${ofClass[short].length}, add images or lower the limit per class (${part}PerClass)`,
    );
  }
  const taken = ofClass.map((places, label) =>
    drawSubset(places.length, classNames[label], part, choice).map((place) => places[place])
  );
  const all = new Uint32Array(taken.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const places of taken) {
    all.set(places, at);
    at += places.length;
  }
  return all.sort();
}
