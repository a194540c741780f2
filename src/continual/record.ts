import type { FreezingChoice } from "../method/freezing.ts";

/** How an exam of one class went. */
export interface Marks {
  /** Asked. */
  readonly images: number;
  /** Answered right. */
  readonly right: number;
}

/** A class behind a night. */
export interface ClassRecord {
  /** Of the class. */
  readonly name: string;
  /** Its output column. */
  readonly head: number;
  /** Images of the day that were learned; 0: nothing new of it. */
  readonly learned: number;
  /** Images of the day that were set apart for the exam. */
  readonly apart: number;
  /** The exam before the night, with the images that it had then; null: a class that is new. */
  readonly before: Marks | null;
  /** The same images behind the night; null: a class that is new. */
  readonly after: Marks | null;
  /** The whole exam behind the night. */
  readonly exam: Marks;
  /** Of the long-term memory. */
  readonly remembered: number;
}

/** What a night was: a line of the learner's history. */
export interface NightRecord {
  /** Counts nights, from 1. */
  readonly night: number;
  /** The generation that it made; where that was refused, the one that it would have made. */
  readonly generation: number;
  /** Whether the dawn gate let it pass. */
  readonly passed: boolean;
  /** Its name in tables. */
  readonly method: string;
  /** Where the night was spent. */
  readonly adapter: string;
  /** All classes, in the order in which they were met. */
  readonly classes: readonly ClassRecord[];
  /** Of the heads of new classes, whether images voted for them. */
  readonly voted: boolean;
  /** What was frozen, and why; null: nothing was searched for. */
  readonly freezing: FreezingChoice | null;
  /** Images dreamt of, and the heads that they were of. */
  readonly dreams: { readonly images: number; readonly heads: number };
  /** Training steps. */
  readonly steps: number;
  /** Images that went through them. */
  readonly images: number;
  /** Mean loss of the first and of the last steps that were read back, by phase. */
  readonly losses: Readonly<Record<string, readonly [first: number, last: number]>>;
  /** Images of the whole exam that were answered with another class; left out by older programs. */
  readonly mistakes?: readonly {
    readonly class: string;
    readonly answer: string;
    readonly images: number;
  }[];
  /** Familiarity below which an image is none of the classes; null: there was no exam. */
  readonly threshold: number | null;
}

/** A night's record with what is different each time it is repeated. */
export interface DatedRecord extends NightRecord {
  /** ISO 8601. */
  readonly at: string;
  /** That the night took, in this process. */
  readonly seconds: number;
  /** The night stands above, refused; here it was accepted. */
  readonly accepted?: boolean;
}

/**
 * Points by which the answers to earlier classes' exam images have fallen, all of these images together; null: there
 * were none.
 */
export function fallOf(classes: readonly Pick<ClassRecord, "before" | "after">[]): number | null {
  const sum = (key: "before" | "after") =>
    classes.reduce(
      ([images, right], { [key]: marks }) => [
        images + (marks?.images ?? 0),
        right + (marks?.right ?? 0),
      ],
      [0, 0],
    );
  const [images, before] = sum("before");
  const [, after] = sum("after");
  return images === 0 ? null : 100 * (before - after) / images;
}

/** A line of the history; none for one that was cut while it was written. */
export function parseRecord(line: string): DatedRecord[] {
  try {
    return [JSON.parse(line) as DatedRecord];
  } catch {
    return [];
  }
}
