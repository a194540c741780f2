import { join } from "node:path";
import { LEAST_OF_NEW } from "../continual/division.ts";
import { countAnswers, type ExamResult } from "../continual/examine.ts";
import { pictureOf } from "../continual/pictures.ts";
import { InputError } from "../errors.ts";
import { collectGarbage } from "../host/garbage.ts";
import { lockLearner } from "../host/learner_folder.ts";
import { BACKLOG } from "../host/served_backlog.ts";
import { AskedWorker, WorkerLost } from "./asked_worker.ts";
import { type AskedNight, Backlog, type KeptAnswer } from "./backlog.ts";
import { applyChanges } from "./changes.ts";
import type { DecodeRequest } from "./decode_worker.ts";
import { Episodes, type Taught } from "./episodes.ts";
import { Events } from "./events.ts";
import { type NightOptions, Nights } from "./nights.ts";
import type { ObjectStore } from "./object_store.ts";
import type { PredictAnswer } from "./predict_worker.ts";
import { Predictions } from "./predictions.ts";
import { Problem } from "./problem.ts";
import { dayOf, isDue, type SleepTimes } from "./schedule.ts";
import { type ClassAnswer, type EpisodeAnswer, ServedLearner } from "./served_learner.ts";
import { finishRestoring, stageSnapshot } from "./snapshot.ts";
import { type SnapshotAnswer, Snapshots } from "./snapshots.ts";

/** How a learner is served. */
export interface ServiceOptions extends NightOptions {
  /** Episodes that may wait for a night. */
  readonly mostWaiting: number;
  readonly sleepTimes: SleepTimes;
  /** Where snapshots are put; null: nowhere. */
  readonly snapshots: ObjectStore | null;
  /** The process ends soon after the service: workers that wait for nothing are left to that end. Default false. */
  readonly endsProcess?: boolean;
}

/** An image as it was sent. */
export interface SentImage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** For messages: `image 2`. */
  readonly name: string;
}

/** An episode as it was sent. */
export interface SentEpisode {
  readonly image: SentImage;
  readonly label: string;
  /** Where it came from, as the client says. */
  readonly from: string;
  /** The same request sent again has the same key. */
  readonly key: string | null;
}

/** What is answered to whoever lets it sleep. */
export interface SleepAnswer {
  /** Number of the night that was asked for; null: none was, as where a refused one is accepted. */
  readonly night: number | null;
  readonly status: "asleep" | "queued" | "accepted" | "discarded";
  /** Images that it takes. */
  readonly images: number;
  /** Images that cannot be learned yet, by class, of new classes that are too few or have no room: they wait. */
  readonly held: Readonly<Record<string, number>>;
}

/** The exam of the last dawn. */
export interface ExamAnswer extends ExamResult {
  readonly generation: number;
}

/** Images that may be asked for at once, by all clients. */
const MOST_ASKED = 512;
/** In which a file is decoded. */
const DECODE_SECONDS = 30;
/** Files that may wait to be decoded. */
const MOST_DECODED = 256;
/** Exams that are begun before somebody has to ask again; a dawn takes a moment. */
const EXAM_ATTEMPTS = 3;
/** Milliseconds between two looks at the clock. */
const TICK = 1000;
/** Seconds for a clean end of a night, at the end of the service. */
const GRACE = 20;

/**
 * A learner that answers while it sleeps. It has the learner's folder to itself; requests know nothing of HTTP here.
 *
 * - What the learner knows and holds is read once after each change ({@linkcode ServedLearner}).
 * - Predictions are made by a worker, from the last generation ({@linkcode Predictions}).
 * - Episodes are kept in the backlog, on disk, before they are acknowledged ({@linkcode Backlog}).
 * - A night is asked for with its episodes; its worker, started for it, ends with it.
 */
export class Service {
  /** What happens, for those who listen. */
  readonly events = new Events();
  readonly #options: ServiceOptions;
  readonly #lock: Disposable;
  readonly #served: ServedLearner;
  readonly #backlog: Backlog;
  readonly #predictions: Predictions;
  readonly #decoder = new AskedWorker<DecodeRequest, Uint8Array<ArrayBuffer>>(
    new URL("./decode_worker.ts", import.meta.url),
    { name: "decoder", seconds: DECODE_SECONDS },
  );
  readonly #episodes: Episodes;
  readonly #nights: Nights;
  readonly #snapshots: Snapshots;
  #changing: Promise<void> | null = null;
  #lastRequest = performance.now();
  /** When it last began to sleep because nobody asked anything. */
  #sleptIdle = -Infinity;
  /** The hour of sleep has come, and it has not begun to sleep yet. */
  #isHour = false;
  #isLooking = false;
  /** What kept it last from what it was time for; null: nothing. */
  #hindrance: string | null = null;
  #asked = 0;
  #busy: string | null = null;
  #closed = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Of the last generation, once somebody has asked for it. */
  #exam: Promise<ExamAnswer> | null = null;

  private constructor(
    options: ServiceOptions,
    lock: Disposable,
    backlog: Backlog,
    served: ServedLearner,
  ) {
    this.#options = options;
    this.#lock = lock;
    this.#served = served;
    this.#backlog = backlog;
    this.#predictions = new Predictions(options.learner, options.safety);
    this.#episodes = new Episodes(served, backlog, {
      mostWaiting: options.mostWaiting,
      isAsleep: () => this.#nights.asleep !== null,
    });
    this.#snapshots = new Snapshots(options.snapshots, served, backlog, this.events);
    this.#nights = new Nights(options, served, backlog, this.events, {
      isBusy: () => this.#changing !== null || this.#busy !== null,
      before: () => this.#applyChanges(),
      dawn: (night) => this.#dawn(night),
      after: () => void this.#change().catch((error) => this.#sayOnce(error)),
      say: (text, night) => this.#say(text, night),
    });
  }

  /**
   * Opens a learner: finishes what was interrupted, and goes on with a night that was. The network is loaded behind it.
   *
   * @throws {InputError} where there is no learner, or another process has it.
   */
  static async open(options: ServiceOptions): Promise<Service> {
    const { learner: path } = options;
    const lock = lockLearner(path);
    let backlog: Backlog | null = null;
    try {
      backlog = new Backlog(join(path, BACKLOG));
      await finishRestoring(path, backlog);
      const served = await ServedLearner.open(options, backlog);
      const service = new Service(options, lock, backlog, served);
      service.#firstDay();
      service.#decoder.start();
      // The kernels' first test takes a while; whoever asks meanwhile waits for it, or asks whether it is ready.
      service.#predictions.begin().catch((error) => service.#say(error.message));
      service.#nights.goOn();
      await service.#change();
      service.#timer = setInterval(() => void service.#tick(), TICK);
      return service;
    } catch (error) {
      backlog?.close();
      lock[Symbol.dispose]();
      throw error;
    }
  }

  // ---- Asking ---------------------------------------------------------------------------------

  /** What the last generation sees in images. @throws {Problem} @throws {InputError} */
  async predict(images: readonly SentImage[]): Promise<PredictAnswer> {
    this.#touch();
    this.#refuseBusy();
    if (this.#asked + images.length > MOST_ASKED) {
      throw new Problem(429, "Cannot predict: too many images are asked for at once; wait", 1);
    }
    this.#asked += images.length;
    try {
      const pixels = await Promise.all(images.map((image) => this.#decode(image)));
      return await this.#predictions.ask(pixels);
    } finally {
      this.#asked -= images.length;
    }
  }

  /** The classes that it knows, in the order in which it met them, and what waits of each. */
  classes(): { readonly generation: number; readonly classes: readonly ClassAnswer[] } {
    return { generation: this.generation, classes: this.#served.classes() };
  }

  /** The last nights, oldest first, and the one that goes on. */
  nights(limit: number) {
    const asked = this.#backlog.nights();
    return {
      generation: this.generation,
      asleep: this.#nights.asleep,
      refused: this.#served.isRefused,
      asked: asked.slice(-limit).map(({ id, phase, why, message }) => ({
        id,
        phase,
        why,
        message,
      })),
      nights: this.#served.nights.slice(-limit),
    };
  }

  /** The exam of the last dawn: right by class, and what is taken for what. @throws {Problem} @throws {NotReady} */
  async exam(): Promise<ExamAnswer> {
    this.#refuseBusy();
    const exam = this.#exam ??= this.#examine();
    try {
      return await exam;
    } catch (error) {
      if (this.#exam === exam) this.#exam = null;
      throw error;
    }
  }

  /** Pictures and answers have to be of one generation, and a dawn may come between the two. */
  async #examine(): Promise<ExamAnswer> {
    for (let attempt = 0; attempt < EXAM_ATTEMPTS; attempt++) {
      const { learner } = this.#served;
      const { state: { generation, classes }, examined } = learner;
      const answer = await this.#predictions.ask(examined.map(({ pixels }) => pixels));
      // Of one that was restored meanwhile the number may be the same.
      if (answer.generation !== generation || this.#served.learner !== learner) continue;
      const names = classes.map(({ name }) => name);
      const labels = examined.map(({ label }) => label);
      return { generation, ...countAnswers(names, labels, answer.predictions) };
    }
    throw new Problem(503, "Cannot hold the exam: another generation is taking over; ask again", 1);
  }

  /** The weights of the last generation, as safetensors, and a tag that changes with them. */
  async model(): Promise<
    { readonly generation: number; readonly tag: string; readonly bytes: Uint8Array<ArrayBuffer> }
  > {
    return await this.#served.model();
  }

  /** The last generation. */
  get generation(): number {
    return this.#served.state.generation;
  }

  /** Figures, for metrics and readiness. */
  status() {
    return {
      generation: this.generation,
      classes: this.#served.state.classes.length,
      asleep: this.#nights.asleep !== null,
      waiting: this.#backlog.count,
      room: this.#options.mostWaiting,
      nights: this.#served.nights.length,
      predicting: this.#predictions.load,
      predictorLosses: this.#predictions.losses,
      decoderLosses: this.#decoder.losses,
      subscribers: this.events.count,
      problem: this.#closed ? "the service ends" : this.#busy ?? this.#predictions.problem,
    };
  }

  // ---- Teaching -------------------------------------------------------------------------------

  /**
   * Keeps an episode for the next night; it is on the disk when this resolves.
   *
   * @returns whether it is new: otherwise it is known already; whether it was when it was first sent under its key.
   * @throws {Problem} @throws {InputError} @throws {BacklogError}
   */
  async teach({ image, label, from, key }: SentEpisode): Promise<Taught> {
    this.#touch();
    this.#refuseBusy();
    const sent = await this.#decode(image);
    return await this.#episodes.teach(await pictureOf(sent, label, from), key);
  }

  /** What is known of an episode; null: nothing, as where it was learned and is not remembered any more. */
  episode(digest: string): EpisodeAnswer | null {
    return this.#served.episode(digest);
  }

  /**
   * Gives an episode another name, or, with null, forgets it. What waits is changed at once; what a night has taken or
   * learned, as soon as no night goes on: forgotten in every kept generation, and, where it was renamed, learned anew.
   *
   * @returns what became of it; done: at once.
   */
  async change(
    digest: string,
    label: string | null,
  ): Promise<{ readonly done: boolean; readonly episode: EpisodeAnswer | null }> {
    this.#touch();
    this.#refuseBusy();
    const changed = await this.#episodes.change(digest, label);
    if (changed) return { done: true, ...changed };
    await this.#change();
    return { done: this.#backlog.changes().length === 0, episode: this.#served.episode(digest) };
  }

  // ---- Sleeping -------------------------------------------------------------------------------

  /**
   * Asks for a night with all that waits: now, or behind the one that goes on. Once it is acknowledged it will be spent,
   * with these episodes, whatever happens.
   *
   * @throws {Problem} where there is nothing to learn or remember.
   */
  async sleep(
    { accept = false, discard = false, why = "request", key = null }: {
      readonly accept?: boolean;
      readonly discard?: boolean;
      readonly why?: AskedNight["why"];
      /** The same request sent again has the same key. */
      readonly key?: string | null;
    } = {},
  ): Promise<SleepAnswer> {
    if (why === "request") this.#touch();
    this.#refuseBusy();
    if (accept && discard) {
      throw new Problem(
        400,
        "Cannot sleep: accept and discard do not go together; send one of them",
      );
    }
    await this.#episodes.settled();
    const fingerprint = `${SLEEP} ${JSON.stringify({ accept, discard })}`;
    const before = key === null ? null : this.#backlog.answerTo(key);
    if (before) return this.#repeated(before, fingerprint);
    const keep = async (answer: SleepAnswer) => {
      if (key === null) return answer;
      const kept = { key, fingerprint, answer: JSON.stringify(answer) };
      await this.#backlog.keepAnswer(kept, Date.now());
      return answer;
    };
    if (discard) return await keep(await this.#discard());
    const [goesOn] = this.#backlog.nights(["day"]);
    // What waits beside the night that was refused goes on waiting.
    if (accept && this.#served.isRefused && !goesOn) return await keep(await this.#accept());
    const { taken, day, held } = this.#served.learnable();
    const begun = this.#nights.asleep?.night ?? null;
    // What the learner holds is in the night that goes on, or is being handed over.
    const found = goesOn || begun !== null ? 0 : day;
    const answer = (night: number): SleepAnswer => ({
      night,
      status: this.#nights.asleep && night !== goesOn?.id ? "queued" : "asleep",
      images: taken.length + found,
      held: Object.fromEntries(held),
    });
    const isQueued = this.#backlog.nights(["asked"]).some(({ id }) => id !== begun);
    if (taken.length === 0 && goesOn && accept && !isQueued) {
      throw new Problem(
        409,
        "Cannot accept the night: it goes on; wait for its dawn, and ask again if it is refused",
        30,
      );
    }
    if (taken.length === 0 && goesOn && !accept) {
      this.#nights.goOn();
      const images = [...this.#served.dayCounts.values()].reduce((sum, count) => sum + count, 0);
      return await keep({ ...answer(goesOn.id), images });
    }
    if (taken.length + found === 0 && !isQueued) this.#refuseRest(held);
    const { id } = this.#backlog.ask(
      { accept, nightsBefore: this.#served.spent.length, why },
      taken,
      begun,
      (night) => key === null ? null : { key, fingerprint, answer: JSON.stringify(answer(night)) },
      Date.now(),
    );
    const answered = answer(id);
    this.#nights.goOn();
    return answered;
  }

  /** Resolves when no night goes on, none is asked for that can begin, and what was to happen behind it has. */
  async awake(): Promise<void> {
    while (this.#nights.running || this.#changing) await (this.#nights.running ?? this.#changing);
  }

  // ---- Snapshots ------------------------------------------------------------------------------

  /**
   * Puts away all that it is: generations, what waits, history.
   *
   * @param takeOver replaces what another service has put there since
   * @throws {Problem}
   */
  async snapshot(
    { takeOver = false }: { readonly takeOver?: boolean } = {},
  ): Promise<SnapshotAnswer> {
    this.#refuseBusy();
    return await this.#snapshots.put(takeOver);
  }

  /**
   * Becomes what was put away last; what it was is gone.
   *
   * @throws {Problem} while it sleeps, and where there is nothing.
   */
  async restore(): Promise<{ readonly generation: number }> {
    this.#touch();
    const { store } = this.#snapshots;
    await this.#beginAlone("restore", "a snapshot is being restored");
    let halfway = false;
    try {
      await this.#snapshots.settled; // or it would be of both
      const found = await store.get();
      if (!found) {
        throw new Problem(404, `Cannot restore: nothing is in ${store.name}; put a snapshot first`);
      }
      await this.#episodes.settled();
      await stageSnapshot(this.#options.learner, found).catch((error) => {
        if (!(error instanceof InputError)) throw error;
        throw new Problem(409, `${error.message}; the learner is as it was`);
      });
      // From here on what it was may be gone, and only what comes is whole.
      halfway = true;
      await finishRestoring(this.#options.learner, this.#backlog);
      await this.#served.reopen();
      halfway = false;
      await this.#predictions.take();
      this.#exam = null;
      this.events.emit("restored", { generation: this.generation });
      return { generation: this.generation };
    } finally {
      this.#busy = halfway
        ? "a snapshot is restored in part; see to the disk and start the service again, which finishes it"
        : null;
      if (!halfway) await this.#change().catch((error) => this.#sayOnce(error));
      this.#nights.goOn();
    }
  }

  /** Ends: a night that goes on is saved, to be gone on with. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#nights.close();
    await this.#episodes.settled();
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(grace.resolve, GRACE * 1000);
    await Promise.race([
      Promise.all([this.#nights.running, this.#snapshots.settled]),
      grace.promise,
    ]);
    clearTimeout(timer);
    this.events.close();
    // A worker that is closed while the process ends takes drivers down with it: see host/worker_call.ts.
    if (!this.#options.endsProcess) {
      this.#predictions.close();
      this.#decoder.close();
    }
    this.#served.learner.close();
    this.#backlog.close();
    this.#lock[Symbol.dispose]();
  }

  // ---- Inside ---------------------------------------------------------------------------------

  async #decode({ bytes, name }: SentImage): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#decoder.load >= MOST_DECODED) {
      throw new Problem(429, "Cannot read the image: too many are being read; wait", 1);
    }
    const { size } = this.#served.state.settings;
    try {
      const pixels = await this.#decoder.ask({ bytes, name, size }, [bytes.buffer]);
      this.#refuseBusy(); // what is restored meanwhile may see images of another size
      if (this.#served.state.settings.size === size) return pixels;
      throw new Problem(503, "Cannot go on: another learner has been restored; ask again", 1);
    } catch (error) {
      if (!(error instanceof WorkerLost)) throw error;
      // Whether it was this file or one before it, nobody knows.
      throw new Problem(
        503,
        `Cannot read ${name}: the decoder had to be replaced; send it again`,
        1,
      );
    }
  }

  /** @throws {Problem} where a night would have nothing to learn or to remember. */
  #refuseRest(held: ReadonlyMap<string, number>): void {
    const remembered = this.#served.state.classes.some(({ remembered }) => remembered > 0);
    if (remembered && !this.#nights.asleep) return;
    const few = [...held].map(([name, count]) => `${name} ${count}`).join(", ");
    throw new Problem(
      409,
      `Cannot sleep: ${
        this.#nights.asleep
          ? "it sleeps already, and nothing new waits"
          : "there is nothing to learn"
      }${
        few === ""
          ? ""
          : `; a new class needs ${LEAST_OF_NEW} images and room, and there are ${few}`
      }; send episodes first`,
    );
  }

  /** Takes the night that was refused. */
  async #accept(): Promise<SleepAnswer> {
    await this.#beginAlone("accept the night", "a night is being accepted");
    try {
      await this.#served.catchUp();
      await this.#served.learner.accept();
      await this.#dawn(null);
    } finally {
      this.#busy = null;
      this.#nights.goOn();
    }
    return { night: null, status: "accepted", images: 0, held: {} };
  }

  #repeated(before: KeptAnswer, fingerprint: string): SleepAnswer {
    if (before.fingerprint === fingerprint) return JSON.parse(before.answer);
    const found = before.fingerprint.startsWith(SLEEP) ? "another request to sleep" : "an episode";
    throw new Problem(
      422,
      `Cannot sleep: the Idempotency-Key was used for ${found}; give each request a key of its own`,
    );
  }

  async #discard(): Promise<SleepAnswer> {
    await this.#beginAlone("let go of what waits", "what waits is being let go");
    try {
      await this.#served.catchUp();
      for (const night of this.#backlog.nights(["day"])) {
        if (this.#served.isSpent(night)) await this.#dawn(night.id);
        else this.#backlog.settle(night.id, "impossible", "let go");
      }
      await this.#served.learner.discard();
      await this.#served.refresh();
    } finally {
      this.#busy = null;
      this.#nights.goOn();
    }
    return { night: null, status: "discarded", images: 0, held: {} };
  }

  /** What a night has come to is what answers from now on. */
  async #dawn(night: number | null): Promise<void> {
    await this.#served.reopen();
    const { nights, spent } = this.#served;
    const record = (night === null ? nights : spent).at(-1)!;
    const phase = record.passed ? "kept" : "refused";
    if (record.passed) await this.#take();
    this.#exam = null;
    if (night !== null) this.#backlog.settle(night, phase);
    this.events.emit("dawn", {
      ...{ night, outcome: phase, generation: this.generation, seconds: record.seconds },
      classes: record.classes.map(({ name, exam }) => ({ name, exam })),
    });
    await this.#applyChanges();
    if (this.#snapshots.isOn && record.passed) {
      await this.#snapshots.put(false).catch((error) => this.#say(error.message));
    }
    collectGarbage();
  }

  /** The new generation answers; a device that is lost meanwhile is replaced when somebody asks. */
  async #take(): Promise<void> {
    try {
      await this.#predictions.take();
    } catch (error) {
      this.#say((error as Error).message);
    }
  }

  /** Forgets and renames what was asked for while a night went on. */
  async #applyChanges(): Promise<void> {
    await this.#served.catchUp();
    const changed = await applyChanges(this.#served, this.#backlog);
    if (!changed) return;
    const { forgotten, renamed } = changed;
    if (forgotten > 0) this.#exam = null;
    this.events.emit("forgotten", { images: forgotten, renamed });
  }

  /** Does now what is to happen between two nights, unless one goes on. */
  async #change(): Promise<void> {
    while (this.#changing) await this.#changing;
    if (this.#nights.running || this.#backlog.changes().length === 0) return;
    this.#changing = this.#applyChanges().finally(() => this.#changing = null);
    await this.#changing;
    this.#nights.goOnUnlessPaused(); // who asked meanwhile has waited
  }

  /** Does what it is time for; what keeps it from that, such as a full disk, is said, and it is tried again. */
  async #tick(): Promise<void> {
    if (this.#isLooking || this.#nights.running || this.#busy) return;
    this.#isLooking = true;
    try {
      await this.#look();
      await this.#change(); // what could not be changed behind a night
      this.#hindrance = null;
    } catch (error) {
      this.#sayOnce(error as Error);
    } finally {
      this.#isLooking = false;
    }
  }

  /** Looks whether it is time to sleep, or to try again. */
  async #look(): Promise<void> {
    const now = performance.now();
    const { retryAt, pausedAt } = this.#nights;
    if (retryAt !== null) {
      if (now >= retryAt) this.#nights.goOn();
      return;
    }
    const { sleepTimes: { idle, daily } } = this.#options;
    if (daily !== null && isDue(new Date(), daily, this.#backlog.fact(LAST_DAY))) {
      this.#backlog.setFact(LAST_DAY, dayOf(new Date()));
      this.#isHour = true;
    }
    if (this.#isHour) {
      await this.#sleepUnasked("schedule");
      this.#isHour = false;
    } else if (idle !== null && this.#isIdle(now, idle)) {
      if (pausedAt === null && this.#waiting() < LEAST_OF_NEW) return;
      await this.#sleepUnasked("idle");
      this.#sleptIdle = now;
    }
  }

  /**
   * Whether nobody has asked anything for so many seconds. It is said of each such time once, and not of the one in
   * which a night was interrupted: what bounds a night would bound nothing where it began again at once.
   */
  #isIdle(now: number, seconds: number): boolean {
    const slept = Math.max(this.#sleptIdle, this.#nights.pausedAt ?? -Infinity);
    return this.#lastRequest > slept && now - this.#lastRequest >= seconds * 1000;
  }

  /** Images that a night would learn that nobody asks for: what was refused waits for somebody. */
  #waiting(): number {
    const { taken, day } = this.#served.learnable();
    return taken.length + (this.#served.isRefused ? 0 : day);
  }

  async #sleepUnasked(why: "idle" | "schedule"): Promise<void> {
    if (this.#backlog.nights(["day", "asked"]).length > 0) return this.#nights.goOn();
    if (this.#waiting() > 0) await this.sleep({ why });
  }

  /** The time of the day before the first start is past. */
  #firstDay(): void {
    const { sleepTimes: { daily } } = this.#options;
    if (daily === null || this.#backlog.fact(LAST_DAY) !== null) return;
    const now = new Date();
    const isPast = isDue(now, daily, null);
    this.#backlog.setFact(LAST_DAY, dayOf(isPast ? now : new Date(now.getTime() - 24 * 3600e3)));
  }

  #say(text: string, night?: number): void {
    this.events.emit("message", night === undefined ? { text } : { night, text });
  }

  /** Says what is tried again until it is done, as long as it is the same. */
  #sayOnce({ message }: Error): void {
    if (message !== this.#hindrance) this.#say(message);
    this.#hindrance = message;
  }

  #touch(): void {
    this.#lastRequest = performance.now();
  }

  #refuseBusy(): void {
    if (this.#closed) throw new Problem(503, "Cannot do it: the service ends; ask again later", 5);
    if (this.#busy) throw new Problem(503, `Cannot do it: ${this.#busy}; ask again`, 5);
  }

  /**
   * Begins what nobody else may be at the learner beside, once what is being changed is. Between the looks and its
   * beginning nothing is waited for: neither a night nor another such thing, asked for at the same moment, comes between.
   *
   * @param doing what is told to whoever asks for something until it has ended: then `#busy` is to be null again.
   * @throws {Problem} where the learner sleeps, or is busy.
   */
  async #beginAlone(action: string, doing: string): Promise<void> {
    while (this.#changing) await this.#changing;
    this.#refuseBusy();
    if (this.#nights.running) {
      throw new Problem(409, `Cannot ${action}: the learner sleeps; wait for its dawn`, 30);
    }
    this.#busy = doing;
  }
}

/** Fact in the backlog: the last day on which it slept by the clock. */
const LAST_DAY = "slept on";
/** With what begins what was sent under a key to let it sleep; no episode does. */
const SLEEP = "sleep";
