import * as v from "valibot";
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
  /** The night stands above, passed; the generation that it made was damaged, and the one before took its place. */
  readonly lost?: boolean;
}

/**
 * Points by which the answers to earlier classes' exam images have fallen, all of these images together; null: there
 * were none.
 */
export function fallOf(classes: readonly Pick<ClassRecord, "before" | "after">[]): number | null {
  const before = together(classes.map(({ before }) => before));
  const after = together(classes.map(({ after }) => after));
  return before.images === 0 ? null : 100 * (before.right - after.right) / before.images;
}

/** Several exams as one; null: none was held. */
export function together(exams: readonly (Marks | null | undefined)[]): Marks {
  let [images, right] = [0, 0];
  for (const exam of exams) {
    images += exam?.images ?? 0;
    right += exam?.right ?? 0;
  }
  return { images, right };
}

/** A history as if nights whose generations were lost had never been. */
export function withoutLost(records: readonly DatedRecord[]): DatedRecord[] {
  return records.filter(({ generation, passed, lost }, line) =>
    !lost && !(passed && isLost(records.slice(line + 1), generation))
  );
}

function isLost(later: readonly DatedRecord[], generation: number): boolean {
  return later.find((one) => one.generation === generation && (one.passed || one.lost))?.lost ??
    false;
}

/** The nights that made generations which were not lost afterwards, by generation. */
export function standingNights(records: readonly DatedRecord[]): Map<number, DatedRecord> {
  const standing = new Map<number, DatedRecord>();
  for (const record of records) {
    if (record.lost) standing.delete(record.generation);
    else if (record.passed) standing.set(record.generation, record);
  }
  return standing;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const marks = v.object({ images: count, right: count });

/** What is made use of; whatever else is in a record stays there. */
const schema = v.looseObject({
  night: count,
  generation: count,
  passed: v.boolean(),
  classes: v.array(v.looseObject({
    name: v.string(),
    head: count,
    learned: count,
    apart: count,
    before: v.nullable(marks),
    after: v.nullable(marks),
    exam: marks,
    remembered: count,
  })),
  freezing: v.nullable(v.looseObject({ chosen: count })),
  dreams: v.looseObject({ images: count, heads: count }),
  steps: count,
  images: count,
  losses: v.record(v.string(), v.array(v.number())),
  mistakes: v.optional(
    v.array(v.looseObject({ class: v.string(), answer: v.string(), images: count })),
  ),
  at: v.string(),
  seconds: v.number(),
});

/** A line of the history; none for one that was cut while it was written, or is something else. */
export function parseRecord(line: string): DatedRecord[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return [];
  }
  return v.is(schema, value) ? [value as unknown as DatedRecord] : [];
}

/**
 * What to say of a learner of so many nights if its history lacks some: those that a generation went through are in it,
 * unless the file was damaged. Null: it has all.
 */
export function missingText(nights: number, records: readonly DatedRecord[]): string | null {
  const missing = nights - standingNights(records).size;
  return missing <= 0 ? null : `Of ${missing} of ${nights} nights the history has no record`;
}

/** The records of a history; `warn` is told of lines that are none. */
export function parseHistory(
  lines: readonly string[],
  warn: (text: string) => void,
): DatedRecord[] {
  const records = lines.flatMap(parseRecord);
  const others = lines.length - records.length;
  if (others > 0) {
    const are = others === 1 ? "1 line is no record" : `${others} lines are no records`;
    warn(`Passed over in the history of nights: ${are} of a night`);
  }
  return records;
}
