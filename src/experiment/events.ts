import type { FreezingDecision, HeadAssignment, Summary } from "./summary.ts";

/** What a run is busy with, in the paper's words. */
export type Phase =
  | "data"
  | "kernels"
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

/** First event: what the run found, before anything is trained. */
export interface StartEvent {
  readonly type: "start";
  readonly adapter: string;
  readonly denoVersion: string;
  /** Numbers of images, and of classes to learn. */
  readonly data: {
    readonly name: string;
    readonly classes: number;
    readonly train: number;
    readonly test: number;
    readonly dreams: number;
  };
  /** Numbers that are learned. */
  readonly parameters: number;
}

/** A phase begins. */
export interface PhaseEvent {
  readonly type: "phase";
  /** Counted from 0; `null` outside of tasks. */
  readonly task: number | null;
  readonly phase: Phase;
}

/** A training step whose loss was read back: every `log.every` steps. */
export interface StepEvent {
  readonly type: "step";
  /** Counted from 0. */
  readonly task: number;
  readonly phase: Phase;
  /** Steps of this phase done. */
  readonly step: number;
  /** Steps of this phase in all. */
  readonly steps: number;
  /** Mean since the previous event of this phase. */
  readonly loss: number;
  /** Mean per step since the previous event of this phase. */
  readonly milliseconds: number;
  readonly samplesPerSecond: number;
  /** Share of the whole run that is done, 0 to 1, if the run can tell. */
  readonly done?: number;
}

/** How many leading blocks were frozen for a task, and why. */
export interface FreezingEvent extends FreezingDecision {
  readonly type: "freezing";
}

/** Which heads the classes of a task took. */
export interface HeadsEvent extends HeadAssignment {
  readonly type: "heads";
}

/** Test accuracies after a task, in percent, one per task seen so far. */
export interface EvaluationEvent {
  readonly type: "evaluation";
  /** Counted from 0. */
  readonly task: number;
  readonly classIl: readonly number[];
  readonly taskIl: readonly number[];
}

/** Last event of a run that was not broken off by an error. */
export interface EndEvent {
  readonly type: "end";
  readonly summary: Summary;
}

/** Last event of a run that failed. */
export interface FailureEvent {
  readonly type: "error";
  readonly name: string;
  readonly message: string;
}

/** Anything a reader of the log or of the terminal should know. */
export interface NoteEvent {
  readonly type: "message";
  readonly text: string;
}

/** One line of `log.jsonl`, its time aside. */
export type RunEvent =
  | StartEvent
  | PhaseEvent
  | StepEvent
  | FreezingEvent
  | HeadsEvent
  | EvaluationEvent
  | EndEvent
  | FailureEvent
  | NoteEvent;
