import { type Recording, ReplayDiverged, type SavedRun } from "../gpu/recording.ts";
import { type Precision, remedyFor } from "../ops/storage.ts";
import type {
  Checkpoint,
  CheckpointEvery,
  CheckpointInfo,
  CheckpointStore,
  RunPosition,
} from "./checkpoint.ts";
import { type EarlyEnd, Interrupted, reasonToEnd } from "./run_limits.ts";
import { firstNotFinite } from "./state_values.ts";

/** A run as far as it is to be saved. */
export interface SavableRun {
  readonly recording: Recording;
  /** Where the run is, asked at each point. */
  where(): { readonly steps: number; readonly task: number };
  /** Where the run is, in full. */
  position(): Promise<RunPosition>;
  /** Called where a replay arrives, before anything runs. */
  arrived(from: Checkpoint): void;
  /** Told what happened, in a line; passing, where it is as it should be. */
  note(text: string, passing: boolean): void;
}

/** When a run is saved, and what may end it. */
export interface CheckpointRules {
  readonly every: CheckpointEvery;
  readonly ending: EarlyEnd;
  /** What failures advise depends on it. */
  readonly precision: Precision;
  /** The checkpoint whose run is replayed; null: the run is new. */
  readonly from: Checkpoint | null;
}

/** Bytes a second that a first checkpoint is assumed to be written with. */
const SLOW_DISK = 50e6;

/** Saves a run at its points: when it is time to, and when the run has to end. */
export class Checkpointer {
  readonly #run: SavableRun;
  readonly #store: CheckpointStore;
  readonly #rules: CheckpointRules;
  #lastPoint: number | null = null;
  #lastTime: number;
  #lastSteps = 0;
  #lastTask = 0;
  #cost: number | null = null;
  #passed: number | null = null;
  #slowest = 0;

  constructor(run: SavableRun, store: CheckpointStore, rules: CheckpointRules) {
    this.#run = run;
    this.#store = store;
    this.#rules = rules;
    this.#lastTime = this.#now();
  }

  /** The last checkpoint that this run wrote or began from, as messages name it. */
  get last(): string | null {
    return this.#lastPoint === null ? null : this.#store.checkpointName(this.#lastPoint);
  }

  /**
   * The run is between two steps.
   *
   * @throws {Interrupted} if it is to end here; {@linkcode ReplayDiverged} where a replay has come out differently.
   */
  async pass(): Promise<void> {
    const { recording } = this.#run;
    if (recording.pass()) await this.#arrive(this.#rules.from!);
    if (recording.replaying) return;
    const now = this.#now();
    if (this.#passed !== null) this.#slowest = Math.max(this.#slowest, now - this.#passed);
    this.#passed = now;
    const reason = reasonToEnd(this.#rules.ending, () => this.#saving() + this.#slowest);
    if (reason) {
      await this.#write();
      throw new Interrupted(reason);
    }
    const { steps, task } = this.#run.where();
    if (!this.#due(now, steps, task)) return;
    try {
      await this.#write();
    } catch (error) {
      // Training can go on; it is the user's to see to the disk before something else happens.
      if (!(error instanceof CheckpointFailure)) throw error;
      this.#run.note(
        `${error.message}; the run goes on, and the last good checkpoint is ${this.last ?? "none"}`,
        false,
      );
      this.#remember(steps, task);
    }
    this.#passed = this.#now();
  }

  async #arrive(from: Checkpoint): Promise<void> {
    const { info } = from;
    const { fingerprint } = await this.#run.position();
    const names = new Set([...Object.keys(info.fingerprint), ...Object.keys(fingerprint)]);
    const differ = [...names].filter((name) => info.fingerprint[name] !== fingerprint[name]);
    if (differ.length > 0) {
      throw new ReplayDiverged(
        `Cannot go on from checkpoint ${info.point}: repeating the run came out differently in ${
          differ.join(", ")
        }; the program has changed since: start the run anew, with --overwrite`,
      );
    }
    this.#lastPoint = info.point;
    this.#remember(info.steps, info.task);
    this.#run.arrived(from);
  }

  #due(now: number, steps: number, task: number): boolean {
    const { every } = this.#rules;
    if (every === "task") return task > this.#lastTask;
    if (every === "never") return false;
    if ("steps" in every) return steps - this.#lastSteps >= every.steps;
    return now - this.#lastTime >= every.seconds * 1000;
  }

  /** Milliseconds that a checkpoint may take. */
  #saving(): number {
    return this.#cost === null ? this.#run.recording.stateBytes / SLOW_DISK * 1000 : 2 * this.#cost;
  }

  async #write(): Promise<void> {
    const { recording } = this.#run;
    const point = recording.points;
    if (this.#lastPoint === point) return;
    const started = this.#now();
    const run = await recording.save();
    checkFinite(run, this.#rules.precision);
    const info: CheckpointInfo = { format: 1, point, ...await this.#run.position() };
    let bytes: number;
    try {
      bytes = await this.#store.writeCheckpoint({ info, run });
    } catch (error) {
      throw new CheckpointFailure((error as Error).message, { cause: error });
    }
    this.#lastPoint = point;
    this.#remember(info.steps, info.task);
    const took = this.#now() - started;
    this.#cost = Math.max(this.#cost ?? 0, took);
    this.#run.note(
      `checkpoint ${this.last}: ${(bytes / 1e6).toFixed(1)} MB in ${(took / 1000).toFixed(1)} s`,
      true,
    );
  }

  #remember(steps: number, task: number): void {
    this.#lastTime = this.#now();
    this.#lastSteps = steps;
    this.#lastTask = task;
  }

  #now(): number {
    return this.#rules.ending.now();
  }
}

/** The disk did not take a checkpoint; what was there before is as it was. */
class CheckpointFailure extends Error {}

/** @throws {Error} for state that is not finite: it is not worth keeping, and must not push good checkpoints out. */
function checkFinite({ state }: SavedRun, precision: Precision): void {
  const found = firstNotFinite(state);
  if (found) throw new Error(`Cannot go on training: ${found}; ${remedyFor(precision)}`);
}
