import type { FreezingDecision, HeadAssignment, Summary } from "./summary.ts";

/** What a run is busy with, in the paper's words. */
export type Phase =
  | "data"
  | "kernels"
  | "tuning"
  | "heads"
  | "wake"
  | "freezing"
  | "sleep"
  | "nrem"
  | "rem"
  | "dawn"
  | "stream"
  | "joint"
  | "evaluation"
  | "saving";

/** SHA-256 of each set of images (names, labels, 64 images' pixels), by which two runs can be compared. */
export interface ImageDigests {
  /** Hexadecimal. */
  readonly train: string;
  /** Hexadecimal. */
  readonly test: string;
  /** Hexadecimal; `null` where the run does not dream. */
  readonly dreams: string | null;
}

/** First event: what the run found, before anything is trained. */
export interface StartEvent {
  /** Which kind of event this is. */
  readonly type: "start";
  /** What the GPU, or its software twin, calls itself. */
  readonly adapter: string;
  /** Such as `2.9.6`. */
  readonly denoVersion: string;
  /** Numbers of images, and of classes to learn. */
  readonly data: {
    readonly name: string;
    readonly classes: number;
    readonly train: number;
    readonly test: number;
    readonly dreams: number;
    /** Names of the classes to learn, in the order of their numbers. */
    readonly classNames: readonly string[];
    /** Names of those that the data set has beyond them, and that no task has. */
    readonly leftOut: readonly string[];
    /** Names of the classes to dream of, in the order of their numbers. */
    readonly dreamClassNames: readonly string[];
    /** Of the images: methods that are compared have the same. */
    readonly digests: ImageDigests;
  };
  /** Numbers that are learned. */
  readonly parameters: number;
}

/** What a run is going to do, phase by phase. */
export interface PlannedPhase {
  /** Counted from 0. */
  readonly task: number | null;
  /** Its name in the paper, where it has one. */
  readonly phase: Phase;
  /** Training steps; those of freezing candidates once for each candidate. */
  readonly steps: number;
  /** Images through them. */
  readonly trained: number;
  /** Images through the network in inference. */
  readonly judged: number;
}

/**
 * The phases to come, before the first of them, found by a dry run. Told where somebody wants to know how long it will
 * take, and never kept.
 */
export interface PlanEvent {
  /** Which kind of event this is. */
  readonly type: "plan";
  /** In their order, each announced by a {@linkcode PhaseEvent}. */
  readonly phases: readonly PlannedPhase[];
}

/** A run is where its checkpoint was written: what was told behind that is told again. Never kept. */
export interface ResumeEvent {
  /** Which kind of event this is. */
  readonly type: "resume";
  /** Counted from 0. */
  readonly task: number;
  /** Its name in the paper, where it has one. */
  readonly phase: Phase;
  /** Training steps that were done. */
  readonly steps: number;
  /** Length of `log.jsonl` then; what was behind is gone. */
  readonly logBytes: number;
}

/** What the long-term memory holds behind a task. Told where somebody wants to see it, and never kept. */
export interface MemoryEvent {
  /** Which kind of event this is. */
  readonly type: "memory";
  /** Counted from 0. */
  readonly task: number;
  /** Height and width in pixels. */
  readonly size: number;
  /** By class, in the order in which they were learned. */
  readonly classes: readonly {
    readonly name: string;
    /** How many are remembered. */
    readonly count: number;
    /** Some of them, RGB bytes `[size, size, 3]` each. */
    readonly pictures: readonly Uint8Array<ArrayBuffer>[];
  }[];
}

/** A phase begins. */
export interface PhaseEvent {
  /** Which kind of event this is. */
  readonly type: "phase";
  /** Counted from 0; `null` outside of tasks. */
  readonly task: number | null;
  /** Its name in the paper, where it has one. */
  readonly phase: Phase;
}

/** A training step whose loss was read back: every `log.every` steps. */
export interface StepEvent {
  /** Which kind of event this is. */
  readonly type: "step";
  /** Counted from 0. */
  readonly task: number;
  /** Its name in the paper, where it has one. */
  readonly phase: Phase;
  /** Steps of this phase done. */
  readonly step: number;
  /** Steps of this phase in all. */
  readonly steps: number;
  /** Mean since the previous event of this phase. */
  readonly loss: number;
  /** Mean per step since the previous event of this phase. */
  readonly milliseconds: number;
  /** Images through training steps, since the previous event of this phase. */
  readonly samplesPerSecond: number;
  /** Training steps of the whole run done. */
  readonly total: number;
}

/** How many leading blocks were frozen for a task, and why. */
export interface FreezingEvent extends FreezingDecision {
  /** Which kind of event this is. */
  readonly type: "freezing";
}

/** Which heads the classes of a task took. */
export interface HeadsEvent extends HeadAssignment {
  /** Which kind of event this is. */
  readonly type: "heads";
}

/** Test accuracies after a task, in percent, one per task seen so far. */
export interface EvaluationEvent {
  /** Which kind of event this is. */
  readonly type: "evaluation";
  /** Counted from 0. */
  readonly task: number;
  /** Argmax over all heads. */
  readonly classIl: readonly number[];
  /** Argmax over the heads of the image's own task. */
  readonly taskIl: readonly number[];
  /** What the GPU's buffers take. */
  readonly gpuBytes: number;
}

/** Last event of a run that was not broken off by an error. */
export interface EndEvent {
  /** Which kind of event this is. */
  readonly type: "end";
  /** As in `summary.json`. */
  readonly summary: Summary;
}

/** Last event of a run that failed. */
export interface FailureEvent {
  /** Which kind of event this is. */
  readonly type: "error";
  /** The error's class. */
  readonly name: string;
  /** What was found, and the fix. */
  readonly message: string;
}

/** Anything a reader of the log or of the terminal should know. */
export interface NoteEvent {
  /** Which kind of event this is. */
  readonly type: "message";
  /** One line or several. */
  readonly text: string;
  /** True for what the next event makes old, such as how much is read: shown, but not kept. */
  readonly passing?: boolean;
}

/** What a run tells; a line of `log.jsonl` is one with its time, but for those that are never kept. */
export type RunEvent =
  | StartEvent
  | PlanEvent
  | ResumeEvent
  | MemoryEvent
  | PhaseEvent
  | StepEvent
  | FreezingEvent
  | HeadsEvent
  | EvaluationEvent
  | EndEvent
  | FailureEvent
  | NoteEvent;

/** An event, and when it was. */
export interface LoggedEvent {
  /** Milliseconds since the run began, as the log counts them. */
  readonly at: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The line without its time. */
  readonly event: RunEvent;
}
