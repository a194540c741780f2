import type { FreezingEvent, Phase, RunEvent, StepEvent } from "../../experiment/events.ts";

/** What became of a night: of the phase "sleep", which has steps of several kinds. */
export interface Night {
  /** Counted from 0. */
  readonly task: number;
  /** Steps so far, or in all. */
  readonly steps: number;
  /** Milliseconds so far, or in all. */
  readonly milliseconds: number;
  /** The last mean loss of each kind. */
  readonly losses: ReadonlyMap<Phase, number>;
  readonly isOver: boolean;
}

/** Where a run is and what has become of it: what of the events is worth looking at. */
export class Story {
  #task: number | null = null;
  #phase: Phase | null = null;
  #step: StepEvent | null = null;
  #freezing: FreezingEvent | null = null;
  #note = "";
  #nightBegan = 0;
  #night: Night | null = null;
  readonly #classIl: (readonly number[])[] = [];

  /** Counted from 0; null: outside of tasks. */
  get task(): number | null {
    return this.#task;
  }

  /** As it was announced. */
  get phase(): Phase | null {
    return this.#phase;
  }

  /** The last step of this phase; null: none yet. */
  get step(): StepEvent | null {
    return this.#step;
  }

  /** The last decision; null: none yet. */
  get freezing(): FreezingEvent | null {
    return this.#freezing;
  }

  /** The last one, or the one that goes on; null: none yet. */
  get night(): Night | null {
    return this.#night;
  }

  /** What is being done besides; empty: nothing. */
  get note(): string {
    return this.#note;
  }

  /** Class-IL accuracies in percent: a row for each task that has been learned. */
  get classIl(): readonly (readonly number[])[] {
    return this.#classIl;
  }

  /** @param at milliseconds */
  observe(event: RunEvent, at: number): void {
    switch (event.type) {
      case "phase":
      case "resume":
        this.#endNight(at);
        this.#task = event.task;
        this.#phase = event.phase;
        this.#step = null;
        this.#note = "";
        if (event.phase === "sleep") this.#nightBegan = at;
        return;
      case "step":
        this.#task = event.task;
        this.#step = event;
        this.#phase ??= event.phase;
        this.#note = "";
        // Losses are read back late: the first ones may be of the phase before.
        if (this.#phase === "sleep" && event.phase !== "wake") this.#dream(event, at);
        return;
      case "message":
        if (event.passing) this.#note = event.text;
        return;
      case "freezing":
        this.#freezing = event;
        return;
      case "evaluation":
        // Joint training measures all tasks behind the only one it knows.
        this.#classIl[event.task] = event.classIl;
    }
  }

  #dream({ task, step, phase, loss }: StepEvent, at: number): void {
    const before = this.#night?.task === task && !this.#night.isOver ? this.#night.losses : [];
    const losses = new Map([...before, [phase, loss]]);
    const milliseconds = at - this.#nightBegan;
    this.#night = { task, steps: step, milliseconds, losses, isOver: false };
  }

  #endNight(at: number): void {
    if (this.#phase !== "sleep" || this.#night === null || this.#night.isOver) return;
    this.#night = { ...this.#night, milliseconds: at - this.#nightBegan, isOver: true };
  }
}
