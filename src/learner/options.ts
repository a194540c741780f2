import type { Network } from "../net/network.ts";
import type { AugmentOptions } from "../ops/augment.ts";
import type { SgdOptions } from "../ops/sgd.ts";
import type { Draws } from "../random.ts";
import type { Segment } from "./batch.ts";

/** Losses that are kept on the GPU until they are read back. */
export const lossSlots = 1024;

/** What a training step is for; steps are reported by it. */
export type StepPhase = "wake" | "nrem" | "rem" | "dawn" | "freezing" | "stream" | "joint";

/** A training step whose loss has been read back. */
export interface StepLoss {
  /** What the step was for. */
  readonly phase: StepPhase;
  /** Sum of the segments' mean losses. */
  readonly loss: number;
  /** Images. */
  readonly rows: number;
}

/** What a learner's programs are recorded over. */
export interface LearnerProgramOptions {
  readonly network: Network;
  readonly images: AugmentOptions;
  readonly sgd: SgdOptions;
}

/** What a `Learner` is made of. */
export interface LearnerOptions extends LearnerProgramOptions {
  /** Whether training mirrors images at random. */
  readonly flip: boolean;
  readonly sgd: SgdOptions & { readonly learningRate: number };
  /** Crops and mirroring in training. */
  readonly augmentRandom: Draws<"below" | "uniform">;
  /** Steps between two read-backs of the losses, at most {@linkcode lossSlots}. */
  readonly readEvery: number;
  /** Told about steps in order, some steps after they ran. */
  readonly onLosses: (losses: readonly StepLoss[]) => void;
  /** Awaited before each step and each batch that is judged or evaluated; may throw to end the run. */
  readonly checkpoint?: () => Promise<void> | void;
  readonly observer?: LearnerObserver;
}

/** What is told of what a learner does, and awaited: a check may compare and run steps of its own there. */
export interface LearnerObserver {
  /** A training step on these segments begins. */
  readonly step?: (segments: readonly Segment[]) => Promise<void> | void;
  /** Batches are about to be judged. */
  readonly judging?: () => Promise<void> | void;
  /** Predictions were counted, of augmented images where they choose heads as the official program does. */
  readonly predicted?: (counts: Uint32Array[][], augmented: boolean) => void;
}
