import type { StepLoss } from "../learner/options.ts";
import type { Phase, RunEvent } from "./events.ts";

/** Turns losses that were read back into step events: one per phase and read-back. */
export class StepReporter {
  readonly #emit: (event: RunEvent) => void;
  readonly #now: () => number;
  #task = 0;
  #steps = 0;
  #done = 0;
  #total = 0;
  #last: number;

  constructor(emit: (event: RunEvent) => void, now: () => number = () => performance.now()) {
    this.#emit = emit;
    this.#now = now;
    this.#last = now();
  }

  /** Events carry this task from now on. */
  set task(task: number) {
    this.#task = task;
  }

  get task(): number {
    return this.#task;
  }

  /** Time is counted from now on: the run was not where it is until now. */
  restart(): void {
    this.#last = this.#now();
  }

  /** A phase of so many steps begins. */
  begin(phase: Phase, steps: number): void {
    // What is read back in a phase without steps was made in the one before, and counts there.
    if (steps > 0) {
      this.#steps = steps;
      this.#done = 0;
      this.#last = this.#now();
    }
    this.#emit({ type: "phase", task: this.#task, phase });
  }

  report(losses: readonly StepLoss[]): void {
    const now = this.#now();
    const milliseconds = (now - this.#last) / losses.length;
    const rows = losses.reduce((sum, step) => sum + step.rows, 0);
    this.#last = now;
    this.#done += losses.length;
    this.#total += losses.length;
    for (const phase of new Set(losses.map((step) => step.phase))) {
      const own = losses.filter((step) => step.phase === phase);
      this.#emit({
        type: "step",
        task: this.#task,
        phase,
        step: this.#done,
        steps: this.#steps,
        loss: own.reduce((sum, step) => sum + step.loss, 0) / own.length,
        milliseconds,
        samplesPerSecond: rows / (milliseconds * losses.length) * 1000,
        total: this.#total,
      });
    }
  }
}
