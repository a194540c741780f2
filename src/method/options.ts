import type { FreezingMode } from "./freezing_score.ts";

/** Numbers of the method; see the configuration of the same names. */
export interface MethodOptions {
  readonly batchSize: number;
  readonly replayBatchSize: number;
  /** Passes over a task's stream: baselines, merged schedule. */
  readonly epochs: number;
  /** Passes over the short-term memory in one sleep: staged schedule. */
  readonly sleepEpochs: number;
  readonly freezing: boolean;
  readonly nrem: boolean;
  readonly rem: boolean;
  /** What is dreamt of: the auxiliary images, or turned pictures of what is remembered. */
  readonly dreamsFrom: "images" | "memory";
  /** REM steps for each NREM step, of whole batches also beside a last one that is not; "all": every dream once a pass. */
  readonly dreamsPerEpisode: number | "all";
  /** Heads in the softmax of a dream: all, all but those of earlier tasks, or the free ones alone. */
  readonly remOpens: "all" | "current" | "free";
  /** Whether the wake epoch replays the long-term memory beside the stream. */
  readonly wakeReplay: boolean;
  /** Heads that the votes of a new task's images are counted over. */
  readonly headVotes: "all" | "free";
  /** When the long-term memory takes episodes over: after sleep, before it, or batch by batch within NREM. */
  readonly transfer: "dawn" | "dusk" | "nrem";
  readonly freezingMode: FreezingMode;
  /** Most leading blocks that may be frozen (the paper's K). */
  readonly maxBlocks: number;
  /** Share of the loss by which a candidate must be better than every one that freezes less. */
  readonly freezingMargin: number;
  /** Training steps on the balanced long-term memory behind each task but the first. */
  readonly calibration: number;
  /** Where the paper's idea and the official program differ: whom to follow. */
  readonly compat: "paper" | "official";
}
