import type { ExamPicture } from "../continual/generation.ts";
import type { Picture } from "../continual/pictures.ts";
import type { DatedRecord } from "../continual/record.ts";
import type { LearnerState } from "../continual/state.ts";
import type { Measure } from "../experiment/comparison/results.ts";
import type { Gallery } from "../experiment/gallery.ts";
import type { Summary } from "../experiment/summary.ts";
import type { LogDigest } from "./log_digest.ts";

/** A run, as its folder has it. */
export interface RunRecord {
  /** Its folder. */
  readonly path: string;
  readonly summary: Summary;
  /** As resolved; null: there is none. */
  readonly config: object | null;
  /** Where data and initial weights came from; null: it does not say. */
  readonly origin: {
    readonly dataRoot: string;
    readonly init: string | null;
    readonly kernels?: readonly string[];
  } | null;
  /** Reads what happened in it; null: there is no log. */
  readonly log: () => LogDigest | null;
  /** Reads its pictures; null: an older program made it. */
  readonly gallery: () => Gallery | null;
}

/** The numbers of a run that are set side by side. */
export type Measures = Readonly<Record<Measure, number | null>>;

/** A run of a row. */
export interface RowRun {
  readonly seed: number;
  readonly measures: Measures;
  /** Null: its folder is not there any more. */
  readonly record: RunRecord | null;
}

/** Runs that differ in their seeds alone. */
export interface RowRecord {
  readonly label: string;
  /** What it is, in a line; empty: its label says it. */
  readonly about: string;
  readonly runs: readonly RowRun[];
}

/** Runs on one data set, or a comparison. */
export interface RunsPart {
  readonly kind: "runs";
  /** What they have in common. */
  readonly title: string;
  /** The first is what others are compared with. */
  readonly rows: readonly RowRecord[];
  /** What is to be known beside the numbers, in sentences. */
  readonly notes: readonly string[];
  /** Commands by which it is had again. */
  readonly again: readonly string[];
  /** Of the program, where it is known. */
  readonly commit: string | null;
}

/** A learner, as its folder has it. */
export interface LearnerPart {
  readonly kind: "learner";
  /** Its folder. */
  readonly path: string;
  readonly state: LearnerState;
  /** Its nights, oldest first. */
  readonly nights: readonly DatedRecord[];
  /** The long-term memory. */
  readonly memory: readonly Picture[];
  readonly exam: readonly ExamPicture[];
  /** That are kept. */
  readonly generations: readonly number[];
  /** Images that wait for a night, by class. */
  readonly waiting: readonly (readonly [name: string, images: number])[];
}

/** A part of a report. */
export type Part = RunsPart | LearnerPart;
