import { InputError } from "../errors.ts";
import { LEAST_TRAINED } from "../experiment/own_data.ts";
import { nameText } from "../images/look_alike.ts";
import type { Random } from "../random.ts";
import type { Picture } from "./pictures.ts";

/** Of each class's images, what is set apart for its exam and never trained on. */
const SHARE = 0.1;
const LEAST_APART = 3;
const MOST_APART = 50;

/** Fewest images by which a new class is learned: some for the exam, others to learn from. */
export const LEAST_OF_NEW = LEAST_APART + LEAST_TRAINED;

/** What is known of the classes of a day. */
export interface ClassCounts {
  /** Images that it was taught with so far. */
  readonly taught: number;
  /** Of the exam. */
  readonly apart: number;
}

/** The images of a day, divided. */
export interface Division {
  readonly train: readonly Picture[];
  /** New ones of the exam. */
  readonly exam: readonly Picture[];
}

/**
 * @param given files of which these are the different pictures, where there were copies among them
 * @throws {InputError} for new classes with too few images.
 */
export function refuseFew(
  counts: ReadonlyMap<string, number>,
  known: ReadonlyMap<string, unknown>,
  given: ReadonlyMap<string, number> = new Map(),
): void {
  const few = [...counts].filter(([name, count]) => !known.has(name) && count < LEAST_OF_NEW);
  if (few.length === 0) return;
  const [[name, count]] = few;
  const more = few.length > 1 ? ` (and ${few.length - 1} more have too few)` : "";
  const copies = given.get(name) ?? 0;
  const isCopied = copies > count;
  throw new InputError(
    `Cannot learn ${nameText(name)}: it has ${count} ${isCopied ? "different " : ""}image${
      count === 1 ? "" : "s"
    }${isCopied ? ` (among ${copies})` : ""}, and a new class needs at least ` +
      `${LEAST_OF_NEW}, ${LEAST_APART} of them for its exam${more}; add images of it`,
  );
}

/** How many of `count` new images of a class go to its exam: a tenth of all that it was ever taught, within bounds. */
export function countApart(count: number, { taught, apart }: ClassCounts): number {
  const wanted = Math.min(MOST_APART, Math.max(LEAST_APART, Math.round(SHARE * (taught + count))));
  // At least one image is learned from.
  return Math.max(0, Math.min(wanted - apart, count - 1));
}

/**
 * Divides the images of a day into those to learn and those of the exam, class by class, both in the day's order.
 *
 * @param trained digests of what was learned from before: it is no exam any more.
 */
export function divideDay(
  day: readonly Picture[],
  known: ReadonlyMap<string, ClassCounts>,
  random: Random,
  trained: ReadonlySet<string> = new Set(),
): Division {
  const apart = new Set<Picture>();
  for (const [name, ofClass] of Map.groupBy(day, ({ label }) => label)) {
    const counts = known.get(name) ?? { taught: 0, apart: 0 };
    const unseen = ofClass.filter(({ digest }) => !trained.has(digest));
    const wanted = Math.min(unseen.length, countApart(ofClass.length, counts));
    const drawn = random.sampleWithoutReplacement(unseen.length, wanted);
    for (const place of drawn) apart.add(unseen[place]);
  }
  return {
    train: day.filter((picture) => !apart.has(picture)),
    exam: day.filter((picture) => apart.has(picture)),
  };
}
