import type { SavedRun, SavedTensor } from "../gpu/recording.ts";

/** How often a run is saved. */
export type CheckpointEvery =
  | { readonly seconds: number }
  | { readonly steps: number }
  /** When a task has been learned and evaluated. */
  | "task"
  /** Only when the run ends early. */
  | "never";

/** What a checkpoint says about its run, beside the state itself: the content of `checkpoint.json`. */
export interface CheckpointInfo {
  /** Version of this format. */
  readonly format: 1;
  /** Points passed: see `Recording`. It also names the checkpoint. */
  readonly point: number;
  /** Optimisation steps so far. */
  readonly steps: number;
  /** Counted from 0. */
  readonly task: number;
  /** What the run was busy with. */
  readonly phase: string;
  /** Seconds that the run had taken. */
  readonly seconds: number;
  /** Bytes of `log.jsonl` by then. */
  readonly logBytes: number;
  /** Where it ran. */
  readonly adapter: string;
  /** What decides how the run goes, as digests; a resumed run must have the same. */
  readonly identity: Readonly<Record<string, string>>;
  /** Host-side state, as text; a replay must have come to the same. */
  readonly fingerprint: Readonly<Record<string, string>>;
}

/** A checkpoint as read back. */
export interface Checkpoint {
  readonly info: CheckpointInfo;
  readonly run: SavedRun;
}

/** What the run says of itself at a point. */
export type RunPosition = Omit<CheckpointInfo, "format" | "point">;

/** What is wrong with the tensors of a checkpoint, in words; undefined if nothing is. */
export type StateCheck = (state: readonly SavedTensor[]) => string | undefined;

/** Where checkpoints are written. */
export interface CheckpointStore {
  /** The checkpoint of a point as messages name it, such as its path. */
  checkpointName(point: number): string;
  /**
   * Writes a checkpoint and lets old ones go.
   *
   * @returns bytes written.
   * @throws {Error} where there is no room for it, say; what was there before is as it was.
   */
  writeCheckpoint(checkpoint: Checkpoint): Promise<number>;
}
