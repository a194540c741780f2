import type { FreezingChoice } from "../method/freezing.ts";

/** How an exam of one class went. */
export interface Marks {
  readonly images: number;
  readonly right: number;
}

/** A class behind a night. */
export interface ClassRecord {
  readonly name: string;
  readonly head: number;
  /** Images of the day, learned and set apart; 0: nothing new of it. */
  readonly learned: number;
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
  readonly night: number;
  /** The generation that it made; where that was refused, the one that it would have made. */
  readonly generation: number;
  /** Whether the dawn gate let it pass. */
  readonly passed: boolean;
  readonly method: string;
  readonly adapter: string;
  readonly classes: readonly ClassRecord[];
  /** Of the heads of new classes, whether images voted for them. */
  readonly voted: boolean;
  readonly freezing: FreezingChoice | null;
  /** Images dreamt of, and the heads that they were of. */
  readonly dreams: { readonly images: number; readonly heads: number };
  /** Training steps, and images that went through them. */
  readonly steps: number;
  readonly images: number;
  /** Mean loss of the first and of the last steps that were read back, by phase. */
  readonly losses: Readonly<Record<string, readonly [first: number, last: number]>>;
  readonly threshold: number | null;
}

/** A night's record with what is different each time it is repeated. */
export interface DatedRecord extends NightRecord {
  /** ISO 8601. */
  readonly at: string;
  readonly seconds: number;
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
