import { join } from "node:path";
import type { Recording, SavedRun } from "../gpu/recording.ts";
import { type Precision, remedyFor } from "../ops/storage.ts";
import type { Checkpoint, CheckpointInfo } from "./checkpoint_files.ts";
import { writeCheckpoint } from "./checkpoint_files.ts";
import { diskProblem } from "./durable.ts";
import { firstNotFinite } from "../experiment/state_values.ts";
import { steadyNow } from "./steady_clock.ts";

/** How often a run is saved. */
export type CheckpointEvery =
  | { readonly seconds: number }
  | { readonly steps: number }
  /** When a task has been learned and evaluated. */
  | "task"
  /** Only when the run ends early. */
  | "never";

/** Thrown where the run is to end early: at a point, when a checkpoint has been written there, or before it begins. */
export class Interrupted extends Error {
  /** Takes what ended it: the user, or the time it was given. */
  constructor(readonly reason: "request" | "time") {
    super(reason === "time" ? "The time is up" : "Stopped on request");
  }
}

/** What the run says of itself at a point. */
export type RunPosition = Omit<CheckpointInfo, "format" | "point">;

/** What a {@linkcode Checkpointer} needs to know. */
export interface CheckpointerOptions {
  readonly recording: Recording;
  /** Folder of the run's checkpoints. */
  readonly folder: string;
  readonly every: CheckpointEvery;
  /** How many are kept. */
  readonly keep: number;
  readonly precision: Precision;
  /** Milliseconds since 1970 by which the run must have ended and been saved; null: none. */
  readonly deadline: number | null;
  readonly shouldStop: () => boolean;
  /** What the run is replaying, if it is. */
  readonly from: Checkpoint | null;
  /** Where the run is, asked at each point. */
  readonly where: () => { readonly steps: number; readonly task: number };
  /** Bytes that a checkpoint takes. */
  readonly stateBytes: () => number;
  /** Where the run is, in full. */
  readonly position: () => Promise<RunPosition>;
  /** Called where a replay arrives, before anything runs. */
  readonly arrived: () => void;
  /** Told what happened, in a line; passing, where it is as it should be. */
  readonly note: (text: string, passing: boolean) => void;
  /** Milliseconds since 1970; replaced in tests. */
  readonly now?: () => number;
}

/**
 * Milliseconds kept free before the deadline for what happens behind the last checkpoint: model, summary, end of the
 * process.
 */
export const SLACK = 2000;

/** Bytes a second that a first checkpoint is assumed to be written with. */
const SLOW_DISK = 50e6;

/** Saves a run at its points: when it is time to, and when the run has to end. */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #now: () => number;
  #last: { readonly point: number; readonly path: string } | null = null;
  #lastTime: number;
  #lastSteps = 0;
  #lastTask = 0;
  #cost: number | null = null;
  #passed: number | null = null;
  #slowest = 0;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#now = options.now ?? steadyNow;
    this.#lastTime = this.#now();
  }

  /** The folder of the last checkpoint that this run wrote or began from. */
  get last(): string | null {
    return this.#last?.path ?? null;
  }

  /**
   * The run is between two steps.
   *
   * @throws {Interrupted} if it is to end here; {@linkcode Error} where a replay has come out differently.
   */
  async pass(): Promise<void> {
    const { recording, from, shouldStop } = this.#options;
    if (recording.pass()) await this.#arrive(from!);
    if (recording.replaying) return;
    const now = this.#now();
    if (this.#passed !== null) this.#slowest = Math.max(this.#slowest, now - this.#passed);
    this.#passed = now;
    const reason = shouldStop() ? "request" : this.#timeIsUp(now) ? "time" : null;
    if (reason) {
      await this.#write();
      throw new Interrupted(reason);
    }
    const { steps, task } = this.#options.where();
    if (!this.#due(now, steps, task)) return;
    try {
      await this.#write();
    } catch (error) {
      // Training can go on; it is the user's to see to the disk before something else happens.
      if (!(error instanceof CheckpointFailure)) throw error;
      this.#options.note(
        `${error.message}; the run goes on, and the last good checkpoint is ${this.last ?? "none"}`,
        false,
      );
      this.#remember(steps, task);
    }
    this.#passed = this.#now();
  }

  async #arrive({ info }: Checkpoint): Promise<void> {
    const { fingerprint } = await this.#options.position();
    const names = new Set([...Object.keys(info.fingerprint), ...Object.keys(fingerprint)]);
    const differ = [...names].filter((name) => info.fingerprint[name] !== fingerprint[name]);
    if (differ.length > 0) {
      throw new Error(
        `Cannot go on from checkpoint ${info.point}: repeating the run came out differently in ${
          differ.join(", ")
        }; the program has changed since: start the run anew, with --overwrite`,
      );
    }
    this.#last = { point: info.point, path: this.#path(info.point) };
    this.#lastTime = this.#now();
    this.#lastSteps = info.steps;
    this.#lastTask = info.task;
    this.#options.arrived();
  }

  #due(now: number, steps: number, task: number): boolean {
    const { every } = this.#options;
    if (every === "task") return task > this.#lastTask;
    if (every === "never") return false;
    if ("steps" in every) return steps - this.#lastSteps >= every.steps;
    return now - this.#lastTime >= every.seconds * 1000;
  }

  #timeIsUp(now: number): boolean {
    const { deadline, stateBytes } = this.#options;
    if (deadline === null) return false;
    const cost = this.#cost === null ? stateBytes() / SLOW_DISK * 1000 : 2 * this.#cost;
    return now + SLACK + cost + this.#slowest > deadline;
  }

  async #write(): Promise<void> {
    const { recording, folder, keep, precision, position, note } = this.#options;
    const point = recording.points;
    if (this.#last?.point === point) return;
    const started = this.#now();
    const run = await recording.save();
    checkFinite(run, precision);
    const info: CheckpointInfo = { format: 1, point, ...await position() };
    let bytes: number;
    try {
      bytes = await writeCheckpoint(folder, { info, run }, keep);
    } catch (error) {
      throw new CheckpointFailure(
        `Cannot write checkpoint ${this.#path(point)}: ${diskProblem(error)}`,
      );
    }
    this.#last = { point, path: this.#path(point) };
    this.#remember(info.steps, info.task);
    this.#cost = Math.max(this.#cost ?? 0, this.#now() - started);
    note(
      `checkpoint ${this.#path(point)}: ${(bytes / 1e6).toFixed(1)} MB in ${
        ((this.#now() - started) / 1000).toFixed(1)
      } s`,
      true,
    );
  }

  #remember(steps: number, task: number): void {
    this.#lastTime = this.#now();
    this.#lastSteps = steps;
    this.#lastTask = task;
  }

  #path(point: number): string {
    return join(this.#options.folder, String(point).padStart(9, "0"));
  }
}

/** The disk did not take a checkpoint; what was there before is as it was. */
class CheckpointFailure extends Error {}

/** @throws {Error} for state that is not finite: it is not worth keeping, and must not push good checkpoints out. */
function checkFinite({ state }: SavedRun, precision: Precision): void {
  const found = firstNotFinite(state);
  if (found) throw new Error(`Cannot go on training: ${found}; ${remedyFor(precision)}`);
}
