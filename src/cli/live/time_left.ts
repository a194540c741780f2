import type { Phase, PlannedPhase, RunEvent } from "../../experiment/events.ts";

/** An image in inference takes about a third of the time of one in training: the forward pass alone. */
const INFERENCE = 1 / 3;

/** Share of a phase behind which its own speed says more than what the same phase took before. */
const ENOUGH = 0.2;

interface Part {
  readonly key: string;
  readonly phase: Phase;
  /** Images through training, those in inference by what they take. */
  readonly work: number;
}

/** How long phases took that ended, all of one task and name together. */
interface Spent {
  readonly phase: Phase;
  milliseconds: number;
  /** How many of them, and shares of them, that was measured for. */
  parts: number;
}

/** Of them it is only told when they begin. */
const WITHOUT_STEPS: readonly Phase[] = ["evaluation", "heads"];

/**
 * How long a run still takes: of each phase to come, its images by what an image took in the last phase of that name,
 * or, where there was none yet, in what was measured at all. Of the first phase of a name what it takes until its first
 * losses are read back does not count: kernels are compiled in it. Time is given with each event, so that what a log has
 * can be told as well.
 */
export class TimeLeft {
  #parts: readonly Part[] = [];
  /** Those before it are done. */
  #at = -1;
  #current: { readonly key: string; readonly phase: Phase } | null = null;
  /** Done of the current phase, and when that was known. */
  #done = { share: 0, at: 0 };
  /** Where its speed is measured from; null: from the next step on. */
  #from: { readonly share: number; readonly at: number } | null = null;
  readonly #spent = new Map<string, Spent>();
  /** Of phases that have begun. */
  readonly #names = new Set<Phase>();

  /** @param at milliseconds, on any clock that goes on */
  observe(event: RunEvent, at: number): void {
    switch (event.type) {
      case "plan":
        return this.#plan(event.phases);
      case "phase": {
        this.#end(at);
        const isKnown = this.#names.has(event.phase) || WITHOUT_STEPS.includes(event.phase);
        this.#names.add(event.phase);
        return this.#begin(event.task, event.phase, isKnown, at);
      }
      case "resume":
        return this.#begin(event.task, event.phase, false, at);
      case "step":
        this.#done = { share: event.steps > 0 ? event.step / event.steps : 0, at };
        this.#from ??= this.#done;
    }
  }

  /** Milliseconds until the end; null: nobody knows yet. */
  left(at: number): number | null {
    const rates = this.#rates();
    if (rates === null || this.#parts.length === 0) return null;
    const current = this.#parts[this.#at];
    const rest = current === undefined || this.#current === null ? 0 : Math.max(
      0,
      (1 - this.#done.share) * current.work * rates(current.phase) - (at - this.#done.at),
    );
    return this.#parts.slice(this.#at + 1)
      .reduce((sum, { phase, work }) => sum + work * rates(phase), rest);
  }

  /** Done of the whole run, 0 to 1, by time; null: nobody knows yet. */
  share(at: number): number | null {
    const left = this.left(at);
    const rates = this.#rates();
    if (left === null || rates === null) return null;
    const done = this.#parts.slice(0, this.#at + 1)
      .reduce((sum, { phase, work }, i) => {
        const share = i === this.#at && this.#current !== null ? this.#done.share : 1;
        return sum + share * work * rates(phase);
      }, 0);
    return done / Math.max(1e-9, done + left);
  }

  #plan(phases: readonly PlannedPhase[]): void {
    this.#parts = phases.map(({ task, phase, trained, judged }) => ({
      ...{ key: keyOf(task, phase), phase, work: trained + INFERENCE * judged },
    }));
    this.#at = -1;
  }

  /** @param measured from its beginning on; else from its next step. */
  #begin(task: number | null, phase: Phase, measured: boolean, at: number): void {
    const key = keyOf(task, phase);
    this.#done = { share: 0, at };
    this.#from = measured ? this.#done : null;
    const next = this.#parts.findIndex((part, i) => i > this.#at && part.key === key);
    // After a lost device a run is where it has been before.
    const found = next >= 0 ? next : this.#parts.findIndex((part) => part.key === key);
    if (found >= 0) this.#at = found;
    this.#current = found >= 0 || this.#parts.length === 0 ? { key, phase } : null;
  }

  #end(at: number): void {
    if (this.#current === null || this.#from === null) return;
    const { key, phase } = this.#current;
    const spent = this.#spent.get(key) ?? { phase, milliseconds: 0, parts: 0 };
    spent.milliseconds += at - this.#from.at;
    spent.parts += 1 - this.#from.share;
    // The last one of a name is the one that counts.
    this.#spent.delete(key);
    this.#spent.set(key, spent);
  }

  /** Milliseconds an image takes, by phase; null: nothing was measured. */
  #rates(): ((phase: Phase) => number) | null {
    const known = new Map<Phase, number>();
    let [time, work] = [0, 0];
    for (const [key, { phase, milliseconds, parts }] of this.#spent) {
      const own = this.#workOf(key, parts);
      if (own === 0) continue;
      known.set(phase, milliseconds / own);
      time += milliseconds;
      work += own;
    }
    const current = this.#parts[this.#at];
    if (current !== undefined && this.#current !== null && this.#from !== null) {
      const share = this.#done.share - this.#from.share;
      const own = share * current.work;
      if (own > 0) {
        const took = this.#done.at - this.#from.at;
        if (share >= ENOUGH || !known.has(current.phase)) known.set(current.phase, took / own);
        time += took;
        work += own;
      }
    }
    if (work === 0) return null;
    const mean = time / work;
    return (phase) => known.get(phase) ?? mean;
  }

  /** Of so many phases of a task and name: there are several where candidates learn the same in turn. */
  #workOf(key: string, parts: number): number {
    const all = this.#parts.filter((part) => part.key === key);
    return parts * all.reduce((sum, { work }) => sum + work, 0) / Math.max(1, all.length);
  }
}

const keyOf = (task: number | null, phase: Phase) => `${task} ${phase}`;
