import * as v from "valibot";
import { InputError } from "../errors.ts";
import { parseJson } from "../experiment/json.ts";
import type { Override } from "../experiment/overrides.ts";
import type { BalancedReservoirState } from "../images/balanced_reservoir.ts";
import type { LearnerSettings } from "./settings.ts";

/** A class that the learner has met. */
export interface KnownClass {
  /** As it was taught. */
  readonly name: string;
  /** Its output column. */
  readonly head: number;
  /** Images that it was taught with, those set apart for the exam included. */
  readonly taught: number;
  /** Of the long-term memory. */
  readonly remembered: number;
  /** At the last dawn. */
  readonly exam: { readonly images: number; readonly right: number };
}

/** The images to dream of: where they lie, and by what they are known again. */
export interface DreamSet {
  /** A path, or what else whoever opens them knows them by. */
  readonly from: string;
  /** Of names, labels and sampled pixels. */
  readonly digest: string;
  /** In all. */
  readonly classes: number;
  /** In all. */
  readonly images: number;
}

/** What the long-term memory's decisions go by; labels are heads. */
export type MemoryState = BalancedReservoirState;

/** The random streams of a night, each as it was left at dawn. */
export const STREAMS = [
  "order",
  "augment",
  "replay",
  "reservoir",
  "sleep",
] as const satisfies readonly Stream[];

/** Name of a random stream. */
export type Stream = "order" | "augment" | "replay" | "reservoir" | "sleep";

/** All of a learner at a dawn but its numbers and its pictures. */
export interface LearnerState {
  /** Version of this format. */
  readonly format: 1;
  /** Counts dawns; 0 is the newborn. */
  readonly generation: number;
  /** Settled at birth. */
  readonly settings: LearnerSettings;
  /** In the order in which it met them. */
  readonly classes: readonly KnownClass[];
  /** Null: what is remembered, or none. */
  readonly dreams: DreamSet | null;
  /** The dream class of each head, -1: none. */
  readonly dreamOfHead: readonly number[];
  /** States of the random streams; null: not begun. */
  readonly random: Readonly<Record<Stream, readonly number[]>> | null;
  /** So far. */
  readonly nights: number;
  /** Training steps in them. */
  readonly steps: number;
  /** Images through these steps. */
  readonly images: number;
  /** The last bundle of the day that it has learned; 0: none. */
  readonly taken: number;
  /** Null: nothing was ever offered. */
  readonly memory: MemoryState | null;
  /** Familiarity below which an image is none of them; null: there was no exam. */
  readonly threshold: number | null;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const triple = v.tuple([v.number(), v.number(), v.number()]);
const words = v.array(count);

const schema = v.object({
  format: v.literal(1),
  generation: count,
  settings: v.object({
    size: count,
    width: count,
    stem: v.picklist(["cifar", "imagenet"]),
    maxClasses: count,
    memory: count,
    dreams: v.picklist(["memory", "images", "none"]),
    mean: triple,
    std: triple,
    seed: count,
    margin: v.number(),
    kept: count,
    changed: v.array(v.object({ path: v.string(), value: v.unknown() })),
  }),
  classes: v.array(v.object({
    name: v.string(),
    head: count,
    taught: count,
    remembered: count,
    exam: v.object({ images: count, right: count }),
  })),
  dreams: v.nullable(
    v.object({ from: v.string(), digest: v.string(), classes: count, images: count }),
  ),
  dreamOfHead: v.array(v.pipe(v.number(), v.integer(), v.minValue(-1))),
  random: v.nullable(
    v.object({ order: words, augment: words, replay: words, reservoir: words, sleep: words }),
  ),
  nights: count,
  steps: count,
  images: count,
  taken: count,
  memory: v.nullable(v.object({
    capacity: count,
    offered: count,
    labels: words,
    offeredOf: v.array(v.tuple([count, count])),
  })),
  threshold: v.nullable(v.number()),
});

/** A state as the text of a file: keys in the order of the schema, so that equal states are equal texts. */
export function encodeState(state: LearnerState): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(v.parse(schema, state), null, 1) + "\n");
}

/**
 * What {@linkcode encodeState} made.
 *
 * @param name for messages
 * @throws {InputError} for another format, or a text that is something else.
 */
export function decodeState(bytes: Uint8Array, name: string): LearnerState {
  const value = parseJson(new TextDecoder().decode(bytes), name);
  const { format } = Object(value);
  if (format !== 1) {
    throw new InputError(
      `Cannot read ${name}: its format is ${JSON.stringify(format)}, this program reads 1`,
    );
  }
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) {
    const [{ path, message }] = parsed.issues;
    const where = (path ?? []).map(({ key }) => String(key)).join(".");
    throw new InputError(`Cannot read ${name}: ${where} is not as it was written (${message})`);
  }
  return parsed.output as LearnerState & { settings: { changed: Override[] } };
}
