import type { Picture } from "../continual/pictures.ts";
import { InputError } from "../errors.ts";
import type { RunEvent } from "../experiment/events.ts";
import { launchNight } from "../host/launch_night.ts";
import type { LearnerSafety } from "../host/learner_host.ts";
import type { AskedNight, Backlog } from "./backlog.ts";
import type { Events } from "./events.ts";
import { countsOf, type ServedLearner } from "./served_learner.ts";

/** How nights are spent. */
export interface NightOptions {
  /** Folder of the learner. */
  readonly learner: string;
  readonly safety: Omit<LearnerSafety, "deadline">;
  /** Seconds that a night may take before it is interrupted, saved, to be gone on with; null: any. */
  readonly maxNight: number | null;
  /** Replaced in tests. */
  readonly nightWorker?: URL;
}

/** What is done around nights. */
export interface AroundNights {
  /** Whether something else is at the learner that has to come to its end before a night. */
  isBusy(): boolean;
  /** Before a night begins. */
  before(): Promise<void>;
  /** What a night has come to is there; it answers from now on. */
  dawn(night: number): Promise<void>;
  /** When none goes on, and none is asked for that can begin. */
  after(): void;
  /** Tells something, of a night. */
  say(text: string, night?: number): void;
}

/** Seconds before a night that failed is tried again, doubled each time. */
const FIRST_RETRY = 30;
const LAST_RETRY = 3600;

/** Spends the nights that the backlog was asked for, one after the other. */
export class Nights {
  readonly #options: NightOptions;
  readonly #served: ServedLearner;
  readonly #backlog: Backlog;
  readonly #events: Events;
  readonly #around: AroundNights;
  #asleep: { readonly night: AskedNight; readonly stop: AbortController; phase: string } | null =
    null;
  #running: Promise<void> | null = null;
  #pausedAt: number | null = null;
  #failures = 0;
  #retryAt: number | null = null;
  #closed = false;

  constructor(
    options: NightOptions,
    served: ServedLearner,
    backlog: Backlog,
    events: Events,
    around: AroundNights,
  ) {
    this.#options = options;
    this.#served = served;
    this.#backlog = backlog;
    this.#events = events;
    this.#around = around;
  }

  /** The night that goes on, and its phase. */
  get asleep(): { readonly night: number; readonly phase: string } | null {
    return this.#asleep && { night: this.#asleep.night.id, phase: this.#asleep.phase };
  }

  /** Settles when no night goes on any more; null: none does. */
  get running(): Promise<void> | null {
    return this.#running;
  }

  /** When a night was interrupted in time, in milliseconds of `performance.now`; null: none waits to be gone on with. */
  get pausedAt(): number | null {
    return this.#pausedAt;
  }

  /** When one that failed is tried again, in milliseconds of `performance.now`; null: none is. */
  get retryAt(): number | null {
    return this.#retryAt;
  }

  /** Goes on with the nights that were asked for, also with one that was interrupted in time. */
  goOn(): void {
    this.#pausedAt = null; // also where it cannot be now: who asks meanwhile has asked
    this.goOnUnlessPaused();
  }

  /** The same for whoever asks for no night, but has kept one from beginning. */
  goOnUnlessPaused(): void {
    if (this.#pausedAt !== null || this.#running || this.#closed || this.#around.isBusy()) return;
    // Also where none is left, as when the one that failed was let go: nothing is tried again then.
    this.#retryAt = null;
    if (this.#backlog.nights(["day", "asked"]).length === 0) return;
    this.#running = this.#spendNights().catch((error) => this.#tryLater(error)).finally(() => {
      this.#running = null;
      if (this.#closed) return;
      this.#around.after();
      // What was asked for in the last moment.
      if (this.#retryAt === null) this.goOnUnlessPaused();
    });
  }

  /** Interrupts the night that goes on, saved, and begins no other. */
  close(): void {
    this.#closed = true;
    this.#asleep?.stop.abort();
  }

  async #spendNights(): Promise<void> {
    while (!this.#closed) {
      const [night] = this.#backlog.nights(["day", "asked"]);
      if (!night) return;
      try {
        if (!await this.#spend(night)) {
          this.#pausedAt = performance.now();
          return;
        }
        this.#failures = 0;
      } catch (error) {
        // One whose episodes are still in the backlog is tried again: nobody else would take them.
        const isHandedOver = this.#backlog.nights(["day"]).some(({ id }) => id === night.id);
        if (!(error instanceof InputError && isHandedOver)) {
          return this.#tryLater(error as Error, night);
        }
        // It is not the night that is impossible where the learner cannot even be opened.
        await this.#served.catchUp();
        // Those behind it may be learned.
        this.#around.say(error.message, night.id);
        this.#backlog.settle(night.id, "impossible", error.message);
      } finally {
        this.#asleep = null;
      }
    }
  }

  /** Spends a night; false where it was interrupted. */
  async #spend(night: AskedNight): Promise<boolean> {
    const stop = new AbortController();
    const asleep = this.#asleep = { night, stop, phase: "data" };
    await this.#served.catchUp();
    // One that had ended, when the process before this one did or something behind it failed, has only its dawn left.
    if (night.phase === "asked" || !this.#served.isSpent(night)) {
      if (night.phase === "asked") await this.#around.before();
      if (!await this.#handOver(night)) return true;
      this.#events.emit("night", { night: night.id, generation: this.#served.state.generation });
      if (!await this.#launch(night, asleep)) return false;
    }
    await this.#around.dawn(night.id);
    return true;
  }

  /** Whether the night came to its end. */
  async #launch(
    night: AskedNight,
    asleep: { readonly stop: AbortController; phase: string },
  ): Promise<boolean> {
    const { learner, safety, maxNight, nightWorker } = this.#options;
    this.#served.hasNightWorker = this.#served.isBehind = true;
    try {
      const outcome = await launchNight(
        {
          ...safety,
          learner,
          accept: night.accept,
          // By the clock that the worker starts with: nobody who sets it later ends the night.
          deadline: maxNight === null ? null : Date.now() + maxNight * 1000,
          goOnWith: "POST /v1/sleep",
        },
        {
          signal: asleep.stop.signal,
          worker: nightWorker,
          onEvent: (event) => this.#tell(night, asleep, event),
        },
      );
      return outcome.kind !== "stopped";
    } finally {
      this.#served.hasNightWorker = false;
    }
  }

  #tell(night: AskedNight, asleep: { phase: string }, event: RunEvent): void {
    if (event.type === "phase") {
      asleep.phase = event.phase;
      this.#events.emit("phase", { night: night.id, phase: event.phase });
    } else if (event.type === "step") {
      const { phase, step, steps, loss } = event;
      this.#events.emit("step", { night: night.id, phase, step, steps, loss });
    } else if (event.type === "message") {
      this.#around.say(event.text, night.id);
    }
  }

  /**
   * Gives the learner what a night takes; false where nothing is left of what it was asked to learn, and nothing else
   * waits: it is no night of rest then.
   */
  async #handOver(night: AskedNight): Promise<boolean> {
    const refused = night.phase === "asked" ? await this.#give(night) : [];
    // Without what it refuses others of their class may be too few.
    const problems = [...refused, ...await this.#holdBack()];
    const goesOn = night.images === 0 || this.#served.dayCounts.size > 0;
    if (goesOn && problems.length === 0) return true;
    const text = problems.join("; ") ||
      "nothing is left to learn: its images were forgotten, or are known already";
    const message = goesOn ? `not learned, and waiting: ${text}` : text;
    this.#around.say(message, night.id);
    this.#backlog.settle(night.id, goesOn ? "day" : "impossible", message);
    return goesOn;
  }

  /** Lets the learner have the episodes of a night; returns why it refuses some, which wait for another one. */
  async #give(night: AskedNight): Promise<string[]> {
    const episodes = this.#backlog.episodesOf(night.id);
    const refused = await this.#observe(episodes);
    // Known as the learner's before they leave the backlog: who asks meanwhile finds each of them.
    await this.#served.refresh();
    const taken = episodes.map(({ digest }) => digest).filter((digest) => !refused.has(digest));
    this.#backlog.handOver(night.id, taken, this.#served.spent.length);
    return [...new Set(refused.values())];
  }

  /**
   * Lets new classes wait with the service for another night of which the learner has too few images, as where some were
   * forgotten since it was asked for: the others are learned without them.
   *
   * @returns what keeps them from being learned.
   */
  async #holdBack(): Promise<string[]> {
    const { learner } = this.#served;
    const { day } = await learner.pictures();
    const few = this.#served.tooFew(countsOf(day));
    if (few.size === 0) return [];
    const back = day.filter(({ label }) => few.has(label));
    // First they wait here, then they leave the learner: interrupted between the two they are held back again.
    await Promise.all(back.map((picture) => this.#backlog.add(picture, null, Date.now())));
    await learner.forget({ digests: back.map(({ digest }) => digest) });
    await this.#served.refresh();
    try {
      await learner.checkCounts(few);
      return [];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return [error.message];
    }
  }

  /** The learner keeps episodes; why not, by digest, of those that it refuses all the same. */
  async #observe(episodes: readonly Picture[]): Promise<Map<string, string>> {
    const refused = new Map<string, string>();
    try {
      await this.#served.learner.observeAll(episodes);
      return refused;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
    // Somebody else has changed the learner since: one by one.
    for (const episode of episodes) {
      try {
        await this.#served.learner.observeAll([episode]);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        refused.set(episode.digest, error.message);
      }
    }
    return refused;
  }

  /** Says what has failed, as where even that cannot be written down, and lets it be tried again. */
  #tryLater({ message }: Error, night?: AskedNight): void {
    const wait = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** this.#failures++);
    this.#retryAt = performance.now() + wait * 1000;
    this.#around.say(message, night?.id);
  }
}
