import type { DreamHeads } from "../images/task_stream.ts";
import type { ImageStore } from "../images/image_store.ts";
import type { LongTermMemory } from "../images/long_term.ts";
import type { ShortTermMemory } from "../images/short_term.ts";
import type { Draws } from "../random.ts";
import { type Sample, samplesOf, type Segment } from "../learner/batch.ts";
import type { HeadTable } from "./heads.ts";
import type { MethodOptions } from "./options.ts";
import type { Learner } from "../learner/learner.ts";
import type { StepPhase } from "../learner/options.ts";

/**
 * One random stream per purpose, so that a draw more in one place leaves the others as they were; of each only what is
 * drawn from it.
 */
export interface MethodRandom {
  /** Order of the stream's images. */
  readonly order: Draws<"permutation" | "state" | "restore">;
  /** Crops and mirroring (used by the learner). */
  readonly augment: Draws<"below" | "uniform" | "state" | "restore">;
  /** Which remembered examples are replayed. */
  readonly replay: Draws<"sampleWithoutReplacement">;
  /** Which examples the memories keep. */
  readonly reservoir: Draws<"below">;
  /** Order of dreams, order of episodes in sleep. */
  readonly sleep: Draws<"permutation" | "below">;
}

/** What all phases work on. Phases are functions of a session and a task. */
export interface Session {
  readonly learner: Learner;
  readonly options: MethodOptions;
  readonly random: MethodRandom;
  readonly heads: HeadTable;
  readonly longTerm: LongTermMemory;
  readonly shortTerm: ShortTermMemory;
  /** The auxiliary images and the head that each dream class is bound to; null: no dreams. */
  readonly dreams: { readonly store: ImageStore; readonly heads: DreamHeads } | null;
  /** Announces a phase of so many training steps. */
  readonly begin: (phase: StepPhase | "sleep" | "dawn" | "heads", steps: number) => void;
}

/** One task as the phases see it: its heads and its images, labelled with heads. */
export interface Task {
  readonly index: number;
  /** Heads of its classes, in class order. */
  readonly heads: readonly number[];
  readonly train: readonly Sample[];
  /** Set apart to judge freezing candidates. */
  readonly validation: readonly Sample[];
  /** Images of the previous task, set apart to judge freezing candidates (merged schedule). */
  readonly previousBuffer: readonly Sample[];
}

/** Consecutive batches of up to `size` samples; the last one may be smaller. */
export function batchesOf<T>(samples: readonly T[], size: number): T[][] {
  const batches: T[][] = [];
  for (let start = 0; start < samples.length; start += size) {
    batches.push(samples.slice(start, start + size));
  }
  return batches;
}

/** The samples in a fresh random order. */
export function shuffled<T>(samples: readonly T[], random: Draws<"permutation">): T[] {
  return Array.from(random.permutation(samples.length), (i) => samples[i]);
}

/** A segment whose softmax runs over all heads: plain cross-entropy. */
export function plainSegment(session: Session, samples: readonly Sample[]): Segment {
  return { samples, open: session.heads.all };
}

/** Remembered examples to replay, as a segment with plain cross-entropy; null while there are none. */
export function replaySegment(session: Session): Segment | null {
  const { longTerm, options, random } = session;
  const drawn = longTerm.draw(options.replayBatchSize, random.replay);
  if (drawn.length === 0) return null;
  return plainSegment(session, samplesOf(longTerm, drawn));
}
