import type { LoggedEvent, Phase, StartEvent, StepEvent } from "../experiment/events.ts";

/** A loss at a step, counted over the whole run. */
export interface LossPoint {
  readonly step: number;
  readonly task: number;
  readonly loss: number;
}

/** A stage of a run: a phase, or sleep with all that is done in it. */
export interface StageTime {
  readonly stage: Phase;
  /** Counted from 0; null: outside of tasks. */
  readonly task: number | null;
  readonly seconds: number;
}

/** What a log says, small enough to be drawn. */
export interface LogDigest {
  /** Null: the run was stopped before it began. */
  readonly start: StartEvent | null;
  /** By phase, in the order of their first steps. */
  readonly losses: ReadonlyMap<Phase, readonly LossPoint[]>;
  /** First step of each task. */
  readonly taskStarts: readonly number[];
  readonly times: readonly StageTime[];
  /** Images per second through training steps, by stage. */
  readonly speeds: ReadonlyMap<Phase, number>;
  /** The most that the GPU's buffers took; 0: it does not say. */
  readonly gpuBytes: number;
  /** Messages, the last ones. */
  readonly notes: readonly string[];
}

/** Points of a curve; more are not told apart. */
const MOST_POINTS = 240;

const MOST_NOTES = 30;

/** Replay and dreams take turns within a sleep. */
const stageOf = (phase: Phase): Phase => phase === "nrem" || phase === "rem" ? "sleep" : phase;

/** Reads a log, event by event. */
export function digestLog(events: Iterable<Pick<LoggedEvent, "at" | "event">>): LogDigest {
  let start: StartEvent | null = null;
  let gpuBytes = 0;
  const notes: string[] = [];
  const losses = new Map<Phase, LossPoint[]>();
  const times: { stage: Phase; task: number | null; seconds: number }[] = [];
  const counter = new StepCounter();
  let open: { stage: Phase; task: number | null; since: number } | null = null;
  const close = (now: number) => {
    if (!open) return;
    const { stage, task, since } = open;
    const seconds = Math.max(0, now - since);
    const last = times.at(-1);
    if (last?.stage === stage && last.task === task) last.seconds += seconds;
    else times.push({ stage, task, seconds });
  };
  for (const { at, event } of events) {
    const seconds = at / 1000;
    switch (event.type) {
      case "start":
        start = event;
        break;
      case "phase":
        close(seconds);
        open = { stage: stageOf(event.phase), task: event.task, since: seconds };
        break;
      case "step": {
        const step = counter.count(event);
        const points = losses.get(event.phase) ?? [];
        points.push({ step, task: event.task, loss: event.loss });
        losses.set(event.phase, points);
        break;
      }
      case "evaluation":
        gpuBytes = Math.max(gpuBytes, event.gpuBytes);
        break;
      case "message":
        notes.push(event.text);
        break;
      case "end":
        close(seconds);
        open = null;
    }
  }
  return {
    start,
    losses: new Map([...losses].map(([phase, points]) => [phase, thinned(points)])),
    taskStarts: counter.taskStarts,
    times,
    speeds: counter.speeds(),
    gpuBytes,
    notes: notes.slice(-MOST_NOTES),
  };
}

/** Turns steps within stages into steps of the run, and keeps the time that they took. */
class StepCounter {
  readonly taskStarts: number[] = [];
  readonly #work = new Map<Phase, { images: number; seconds: number }>();
  #before = 0;
  #key = "";
  #step = 0;

  /** Steps of the whole run at an event. */
  count({ task, phase, step, milliseconds, samplesPerSecond }: StepEvent): number {
    const stage = stageOf(phase);
    const key = `${task} ${stage}`;
    if (key !== this.#key || step < this.#step) {
      this.#before += this.#step;
      [this.#key, this.#step] = [key, 0];
    }
    this.taskStarts[task] ??= this.#before;
    // What was read back at once is told of each phase, with the time of all.
    if (step > this.#step) {
      const work = this.#work.get(stage) ?? { images: 0, seconds: 0 };
      const seconds = (step - this.#step) * milliseconds / 1000;
      work.seconds += seconds;
      work.images += samplesPerSecond * seconds;
      this.#work.set(stage, work);
      this.#step = step;
    }
    return this.#before + step;
  }

  speeds(): Map<Phase, number> {
    return new Map(
      [...this.#work].map(([stage, { images, seconds }]) => [stage, images / seconds]),
    );
  }
}

/** Means of neighbours, few enough to be drawn. */
function thinned(points: readonly LossPoint[]): LossPoint[] {
  const group = Math.ceil(points.length / MOST_POINTS);
  if (group <= 1) return [...points];
  return Array.from({ length: Math.ceil(points.length / group) }, (_, i) => {
    const own = points.slice(i * group, (i + 1) * group);
    const loss = own.reduce((sum, point) => sum + point.loss, 0) / own.length;
    return { ...own[Math.floor(own.length / 2)], loss };
  });
}
