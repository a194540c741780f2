import type { ProviderName } from "../gpu/provider.ts";

/** Accuracies of one scenario (Class-IL or Task-IL), in percent, and what is derived from them. */
export interface AccuracySummary {
  /** Row: after task; column: task. A cell that was not measured is `null`. */
  readonly matrix: readonly (readonly (number | null)[])[];
  /** Mean of the last row; `null` before the last task is done. */
  readonly finalAverage: number | null;
  /** `null` where it is not defined: one task, or a run that did not complete. */
  readonly backwardTransfer: number | null;
  /** `null` where it is not defined. */
  readonly forwardTransfer: number | null;
  /** `null` where it is not defined. */
  readonly forgetting: number | null;
}

/** One freezing decision. */
export interface FreezingDecision {
  /** Counted from 0. */
  readonly task: number;
  /** Leading blocks frozen, and the loss by which that candidate was judged. */
  readonly candidates: readonly { readonly frozen: number; readonly loss: number }[];
  /** Leading blocks frozen in the candidate that was kept. */
  readonly chosen: number;
}

/** Which heads the classes of a task took. */
export interface HeadAssignment {
  /** Counted from 0. */
  readonly task: number;
  /** Head of each class of the task, in class order. */
  readonly heads: readonly number[];
  /** Names of the classes, in the same order. */
  readonly classes: readonly string[];
}

/** How often test images of each class were answered with each class, over all heads. */
export interface Confusion {
  /** Names, in the order in which the classes were learned. */
  readonly classes: readonly string[];
  /** `[asked][answered]`, images. */
  readonly counts: readonly (readonly number[])[];
  /** Images of each class that were answered with a head that no class has. */
  readonly elsewhere: readonly number[];
}

/** A kernel of one's own that took the place of the program's. */
export interface OwnKernelSummary {
  /** The operation that it computed. */
  readonly op: string;
  /** As it was named. */
  readonly file: string;
  /** SHA-256 of its text. */
  readonly hash: string;
  /** Worst relative error at the run's shapes. */
  readonly error: number;
  /** Whether it gave the bits of the program's own kernel. */
  readonly sameBits: boolean;
}

/** The content of `summary.json`. */
export interface Summary {
  /** As in the configuration. */
  readonly method: string;
  /** `null` for a method that has no schedule. */
  readonly schedule: "staged" | "merged" | null;
  /** As in the configuration. */
  readonly precision: "full" | "mixed";
  /** Name of the data set; empty where the run was stopped before it was there. */
  readonly dataset: string;
  /** As in the configuration. */
  readonly seed: number;
  /** Number of tasks. */
  readonly tasks: number;
  /** Argmax over all heads. */
  readonly classIl: AccuracySummary;
  /** Argmax over the heads of the image's own task. */
  readonly taskIl: AccuracySummary;
  /** A decision for each task but the first, if the method freezes. */
  readonly freezing: readonly FreezingDecision[];
  /** An assignment for each task. */
  readonly heads: readonly HeadAssignment[];
  /**
   * How often each head was the label under plain cross-entropy in the last task that was learned, by head; only where
   * `evaluation.logitAdjustment` needs it.
   */
  readonly labels?: readonly number[];
  /** Behind the last task that was evaluated; left out where none was, and by older programs. */
  readonly confusion?: Confusion;
  /** What the long-term memory holds of each class; left out where there is none, and by older programs. */
  readonly remembered?: readonly { readonly class: string; readonly images: number }[];
  /** Name of the dream class that each head was bound to, null: none; left out where no images were dreamt of. */
  readonly dreams?: readonly (string | null)[];
  /** Images per second through training steps, evaluation not counted. */
  readonly samplesPerSecond: number;
  /** Images through training steps: stream, replays, dreams; 0 where an older summary does not say. */
  readonly images: number;
  /** Optimisation steps. */
  readonly steps: number;
  /** Wall-clock time of the whole run. */
  readonly seconds: number;
  /** What the GPU, or its software twin, calls itself; empty where the run was stopped before. */
  readonly adapter: string;
  /** Whose WebGPU drove it; "deno" where an older summary does not say. */
  readonly provider: ProviderName;
  /** Such as `2.9.6`. */
  readonly denoVersion: string;
  /** Kernels of one's own that the run computed with; left out where there were none. */
  readonly kernels?: readonly OwnKernelSummary[];
  /** False if the run was stopped before its last task was evaluated. */
  readonly completed: boolean;
  /** What stopped it: the user, or the time that it was given. */
  readonly stopped?: "request" | "time";
}
