import { join } from "node:path";
import { LEAST_OF_NEW } from "../continual/division.ts";
import { countAnswers, type ExamResult } from "../continual/examine.ts";
import { readKnowledge } from "../continual/generation.ts";
import type { Given } from "../continual/given.ts";
import { type Picture, pictureOf } from "../continual/pictures.ts";
import type { KnownClass } from "../continual/state.ts";
import { sha256 } from "../digest.ts";
import { InputError } from "../errors.ts";
import type { RunEvent } from "../experiment/events.ts";
import { collectGarbage } from "../host/garbage.ts";
import { BACKLOG } from "../host/served_backlog.ts";
import { launchNight } from "../host/launch_night.ts";
import { lockLearner } from "../host/learner_folder.ts";
import type { LearnerSafety } from "../host/learner_host.ts";
import { AskedWorker, WorkerLost } from "./asked_worker.ts";
import { type AskedNight, Backlog, type KeptAnswer } from "./backlog.ts";
import type { DecodeRequest } from "./decode_worker.ts";
import { Events } from "./events.ts";
import type { PredictAnswer } from "./predict_worker.ts";
import { Predictions } from "./predictions.ts";
import { Problem } from "./problem.ts";
import { dayOf, isDue, type SleepTimes } from "./schedule.ts";
import { type EpisodeAnswer, ServedLearner } from "./served_learner.ts";
import { finishRestoring, packSnapshot, stageSnapshot, TAG } from "./snapshot.ts";
import { Fenced, type ObjectStore } from "./object_store.ts";

/** How a learner is served. */
export interface ServiceOptions {
  /** Folder of the learner. */
  readonly learner: string;
  readonly safety: Omit<LearnerSafety, "deadline">;
  /** Episodes that may wait for a night. */
  readonly mostWaiting: number;
  readonly sleepTimes: SleepTimes;
  /** Seconds that a night may take before it is interrupted, saved, to be gone on with; null: any. */
  readonly maxNight: number | null;
  /** Where snapshots are put; null: nowhere. */
  readonly snapshots: ObjectStore | null;
  /** The process ends soon after the service: workers that wait for nothing are left to that end. Default false. */
  readonly endsProcess?: boolean;
  /** Replaced in tests. */
  readonly nightWorker?: URL;
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
  /** Images of new classes that are too few to be learned, by class: they wait for others. */
  readonly held: Readonly<Record<string, number>>;
}

/** What is answered to whoever puts a snapshot. */
export interface SnapshotAnswer {
  readonly generation: number;
  readonly bytes: number;
  /** Of the stored object. */
  readonly tag: string;
}

/** Images that may be asked for at once, by all clients. */
const MOST_ASKED = 512;
/** In which a file is decoded. */
const DECODE_SECONDS = 30;
/** Files that may wait to be decoded. */
const MOST_DECODED = 256;
/** Milliseconds between two looks at the clock. */
const TICK = 1000;
/** Seconds before a night that failed is tried again, doubled each time. */
const FIRST_RETRY = 30;
const LAST_RETRY = 3600;
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
  /** Episodes on their way to the disk. */
  readonly #arriving = new Map<string, Promise<unknown>>();
  #asleep: { readonly night: AskedNight; readonly stop: AbortController; phase: string } | null =
    null;
  #running: Promise<void> | null = null;
  #changing: Promise<void> | null = null;
  /** The last snapshot that is being put away. */
  #putting: Promise<unknown> = Promise.resolve();
  #paused = false;
  #failures = 0;
  #retryAt: number | null = null;
  #lastRequest = performance.now();
  #asked = 0;
  #busy: string | null = null;
  #closed = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #exam: { readonly of: string; readonly result: Promise<ExamResult> } | null = null;
  #model: { readonly of: string; readonly tag: string } | null = null;

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
      service.#goOn();
      await service.#change();
      service.#timer = setInterval(() => service.#tick(), TICK);
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
    const { classes, generation } = this.#served.state;
    const waiting = this.#served.waitingCounts();
    const names = new Set([...classes.map(({ name }) => name), ...waiting.keys()]);
    const known = new Map(classes.map((one) => [one.name, one]));
    return {
      generation,
      classes: [...names].map((name) => {
        const { taught = 0, remembered = 0, exam = null } = known.get(name) ?? {};
        return {
          name,
          known: known.has(name),
          taught,
          remembered,
          exam,
          waiting: waiting.get(name) ?? 0,
        };
      }),
    };
  }

  /** The last nights, oldest first, and the one that goes on. */
  nights(limit: number) {
    const asked = this.#backlog.nights();
    const now = this.#asleep;
    return {
      generation: this.generation,
      asleep: now && { night: now.night.id, phase: now.phase },
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

  /** The exam of the last dawn: right by class, and what is taken for what. */
  async exam(): Promise<ExamResult & { readonly generation: number }> {
    const { generation, classes } = this.#served.state;
    const of = await this.#served.lastName();
    if (this.#exam?.of !== of) {
      const { exam } = await this.#served.learner.pictures();
      const names = classes.map(({ name }) => name);
      const ask = async () => {
        const { predictions } = await this.#predictions.ask(exam.map(({ pixels }) => pixels));
        return countAnswers(names, exam.map(({ label }) => label), predictions);
      };
      const result = ask();
      this.#exam = { of, result };
      result.catch(() => this.#exam = null);
    }
    return { generation, ...await this.#exam.result };
  }

  /** The weights of the last generation, as safetensors, and a tag that changes with them. */
  async model(): Promise<
    { readonly generation: number; readonly tag: string; readonly bytes: Uint8Array<ArrayBuffer> }
  > {
    for (;;) {
      const of = await this.#served.lastName();
      const { state: { generation }, model } = await readKnowledge(this.#served.store, () => {});
      if (await this.#served.lastName() !== of) continue; // a dawn came between
      if (this.#model?.of !== of) this.#model = { of, tag: `"${await sha256(model)}"` };
      return { generation, tag: this.#model.tag, bytes: model };
    }
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
      asleep: this.#asleep !== null,
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
  async teach({ image, label, from, key }: SentEpisode): Promise<
    {
      readonly isNew: boolean;
      readonly wasNew: boolean;
      readonly repeated: boolean;
      readonly episode: EpisodeAnswer;
    }
  > {
    this.#touch();
    this.#refuseBusy();
    const sent = await this.#decode(image);
    const picture = await pictureOf(sent, label, from);
    const { digest } = picture;
    const fingerprint = `${digest} ${label}`;
    // Who sends the same at the same time waits for the first one's answer.
    await this.#arriving.get(digest)?.catch(() => {});
    const before = key === null ? null : this.#backlog.answerTo(key);
    if (before) {
      if (before.fingerprint !== fingerprint) throw keyIsTaken();
      const { wasNew = true, ...episode } = JSON.parse(before.answer);
      return { isNew: false, wasNew, repeated: true, episode };
    }
    const isNew = this.#served.look(picture);
    const known = this.#served.episode(digest);
    const episode: EpisodeAnswer = known ?? { digest, label, status: "waiting" };
    const answer = JSON.stringify({ ...episode, wasNew: isNew });
    const kept = key === null ? null : { key, fingerprint, answer };
    if (!isNew) {
      if (kept && !await this.#backlog.keepAnswer(kept, Date.now())) throw keyIsTaken();
      return { isNew: false, wasNew: false, repeated: false, episode };
    }
    if (this.#backlog.count + this.#arriving.size >= this.#options.mostWaiting) {
      throw new Problem(
        429,
        `Cannot keep the episode: ${this.#options.mostWaiting} wait already; let it sleep (POST /v1/sleep), or wait`,
        this.#asleep ? 30 : 60,
      );
    }
    this.#served.known.add(picture);
    const arriving = this.#backlog.add(picture, kept, Date.now());
    this.#arriving.set(digest, arriving);
    try {
      if (await arriving === "taken") throw keyIsTaken();
    } catch (error) {
      await this.#served.refresh(); // it is not known after all
      throw error;
    } finally {
      this.#arriving.delete(digest);
    }
    return { isNew: true, wasNew: true, repeated: false, episode };
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
    await this.#arriving.get(digest)?.catch(() => {});
    const found = this.#served.episode(digest);
    if (!found) {
      throw new Problem(
        404,
        `Cannot change ${digest}: no such episode waits, is remembered or is of the exam; give the digest that was ` +
          "answered",
      );
    }
    if (label !== null) this.#served.checkLabel(label);
    const before = this.#backlog.change(digest);
    if (label !== null && before && before.label === null) {
      throw new Problem(
        409,
        `Cannot rename ${digest}: it is to be forgotten when the night has ended; send it again then`,
      );
    }
    if (label === found.label && !before) return { done: true, episode: found };
    if (label !== null && found.status === "learned") {
      throw new Problem(
        409,
        `Cannot rename ${digest}: its pixels are not held any more; forget it (DELETE), and send it again`,
      );
    }
    if (found.status === "waiting") {
      const done = label === null
        ? await this.#backlog.remove(digest)
        : await this.#backlog.relabel(digest, label);
      if (done) {
        await this.#served.refresh();
        return { done: true, episode: this.#served.episode(digest) };
      }
    }
    const picture = label === null ? null : await this.#served.pictureOf(digest);
    await this.#backlog.intend({ digest, label, picture });
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
    await Promise.allSettled(this.#arriving.values());
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
    const { taken, held } = this.#served.learnable();
    const answer = (night: number): SleepAnswer => ({
      night,
      status: this.#asleep && night !== goesOn?.id ? "queued" : "asleep",
      images: taken.length,
      held: Object.fromEntries(held),
    });
    if (taken.length === 0 && goesOn) {
      this.#goOn();
      const images = [...this.#served.dayCounts.values()].reduce((sum, count) => sum + count, 0);
      return await keep({ ...answer(goesOn.id), images });
    }
    if (taken.length === 0) this.#refuseRest(held);
    const { id } = this.#backlog.ask(
      { accept, nightsBefore: this.#served.spent.length, why },
      taken,
      (night) => key === null ? null : { key, fingerprint, answer: JSON.stringify(answer(night)) },
      Date.now(),
    );
    const answered = answer(id);
    this.#goOn();
    return answered;
  }

  /** Resolves when no night goes on, none is asked for that can begin, and what was to happen behind it has. */
  async awake(): Promise<void> {
    while (this.#running || this.#changing) await (this.#running ?? this.#changing);
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
    return await this.#putAway(takeOver);
  }

  /**
   * Becomes what was put away last; what it was is gone.
   *
   * @throws {Problem} while it sleeps, and where there is nothing.
   */
  async restore(): Promise<{ readonly generation: number }> {
    const store = this.#storage();
    this.#refuseBusy();
    await this.#changing;
    this.#refuseAsleep("restore");
    this.#busy = "a snapshot is being restored";
    let halfway = false;
    try {
      await this.#putting; // or it would be of both
      const found = await store.get();
      if (!found) {
        throw new Problem(404, `Cannot restore: nothing is in ${store.name}; put a snapshot first`);
      }
      await Promise.allSettled(this.#arriving.values());
      await stageSnapshot(this.#options.learner, found).catch((error) => {
        if (!(error instanceof InputError)) throw error;
        throw new Problem(409, `${error.message}; the learner is as it was`);
      });
      // From here on what it was may be gone, and only what comes is whole.
      halfway = true;
      await finishRestoring(this.#options.learner, this.#backlog);
      this.#exam = this.#model = null;
      await this.#served.reopen();
      halfway = false;
      await this.#predictions.take();
      this.events.emit("restored", { generation: this.generation });
      return { generation: this.generation };
    } finally {
      this.#busy = halfway
        ? "a snapshot is restored in part; see to the disk and start the service again, which finishes it"
        : null;
      this.#goOn();
    }
  }

  /** Ends: a night that goes on is saved, to be gone on with. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#asleep?.stop.abort();
    await Promise.allSettled(this.#arriving.values());
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(grace.resolve, GRACE * 1000);
    await Promise.race([Promise.all([this.#running, this.#putting]), grace.promise]);
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

  /** One after the other: each has to know the tag of the one before. */
  #putAway(takeOver: boolean): Promise<SnapshotAnswer> {
    const put = this.#putting.then(() => this.#putSnapshot(this.#storage(), takeOver));
    this.#putting = put.catch(() => {});
    return put;
  }

  async #putSnapshot(store: ObjectStore, takeOver: boolean): Promise<SnapshotAnswer> {
    const { generation } = this;
    const bytes = await packSnapshot(this.#served.store, this.#backlog);
    const known = takeOver ? await store.tag() : this.#backlog.fact(TAG);
    try {
      const tag = await store.put(bytes, known);
      this.#backlog.setFact(TAG, tag);
      this.events.emit("snapshot", { generation, bytes: bytes.length });
      return { generation, bytes: bytes.length, tag };
    } catch (error) {
      if (!(error instanceof Fenced)) throw error;
      throw new Problem(
        409,
        `Cannot put a snapshot to ${store.name}: another service has put one there that this one does not know; ` +
          'restore it first, or take over with {"takeOver": true}',
      );
    }
  }

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
    const waits = this.#served.dayCounts.size > 0;
    if ((remembered || waits) && !this.#asleep) return;
    const few = [...held].map(([name, count]) => `${name} ${count}`).join(", ");
    throw new Problem(
      409,
      `Cannot sleep: ${
        this.#asleep ? "it sleeps already, and nothing new waits" : "there is nothing to learn"
      }${
        few === "" ? "" : `; a new class needs ${LEAST_OF_NEW} images, and there are ${few}`
      }; send episodes first`,
    );
  }

  /** Takes the night that was refused. */
  async #accept(): Promise<SleepAnswer> {
    await this.#changing;
    this.#refuseAsleep("accept the night");
    this.#busy = "a night is being accepted";
    try {
      await this.#served.learner.accept();
      await this.#dawn(null);
    } finally {
      this.#busy = null;
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
    await this.#changing;
    this.#refuseAsleep("let go of what waits");
    this.#busy = "what waits is being let go";
    try {
      for (const { id } of this.#backlog.nights(["day"])) {
        this.#backlog.settle(id, "impossible", "let go");
      }
      await this.#served.learner.discard();
      await this.#served.refresh();
    } finally {
      this.#busy = null;
    }
    return { night: null, status: "discarded", images: 0, held: {} };
  }

  /** Goes on with the nights that were asked for, one after the other. */
  #goOn(): void {
    if (this.#running || this.#changing || this.#closed || this.#busy) return;
    if (this.#backlog.nights(["day", "asked"]).length === 0) return;
    this.#paused = false;
    this.#retryAt = null;
    this.#running = this.#spendNights().finally(() => {
      this.#running = null;
      // What was asked for in the last moment.
      if (!this.#closed) this.#change().catch((error) => this.#say(error.message));
    });
  }

  async #spendNights(): Promise<void> {
    while (!this.#closed) {
      const [night] = this.#backlog.nights(["day", "asked"]);
      if (!night) return;
      try {
        if (!await this.#spend(night)) {
          this.#paused = true;
          return;
        }
        this.#failures = 0;
      } catch (error) {
        this.#failed(night, error as Error);
        return;
      } finally {
        this.#asleep = null;
      }
    }
  }

  /** Spends a night; false where it was interrupted. */
  async #spend(night: AskedNight): Promise<boolean> {
    const stop = new AbortController();
    const asleep = this.#asleep = { night, stop, phase: "data" };
    let now = night;
    if (night.phase === "asked") {
      await this.#applyChanges();
      if (!await this.#handOver(night)) return true;
      now = this.#backlog.nights(["day"]).find(({ id }) => id === night.id)!;
    }
    if (this.#served.spent.length > now.nightsBefore) {
      // It had ended when the process before this one did.
      const { passed } = this.#served.spent.at(-1)!;
      this.#backlog.settle(now.id, passed ? "kept" : "refused");
      return true;
    }
    this.events.emit("night", { night: now.id, generation: this.generation });
    this.#served.hasNightWorker = true;
    try {
      if (!await this.#launch(now, asleep)) return false;
    } finally {
      this.#served.hasNightWorker = false;
    }
    await this.#dawn(now.id);
    return true;
  }

  /** Whether the night came to its end. */
  async #launch(
    night: AskedNight,
    asleep: { readonly stop: AbortController; phase: string },
  ): Promise<boolean> {
    const { learner, safety, maxNight, nightWorker } = this.#options;
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
  }

  #tell(night: AskedNight, asleep: { phase: string }, event: RunEvent): void {
    if (event.type === "phase") {
      asleep.phase = event.phase;
      this.events.emit("phase", { night: night.id, phase: event.phase });
    } else if (event.type === "step") {
      const { phase, step, steps, loss } = event;
      this.events.emit("step", { night: night.id, phase, step, steps, loss });
    } else if (event.type === "message") {
      this.#say(event.text, night.id);
    }
  }

  /** What a night has come to is what answers from now on. */
  async #dawn(night: number | null): Promise<void> {
    await this.#served.reopen();
    const record = this.#served.nights.at(-1)!;
    const phase = record.passed ? "kept" : "refused";
    if (record.passed) await this.#take();
    if (night !== null) this.#backlog.settle(night, phase);
    this.events.emit("dawn", {
      ...{ night, outcome: phase, generation: this.generation, seconds: record.seconds },
      classes: record.classes.map(({ name, exam }) => ({ name, exam })),
    });
    await this.#applyChanges();
    if (this.#options.snapshots && record.passed) {
      await this.#putAway(false).catch((error) => this.#say(error.message));
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

  /** Gives a night's episodes to the learner; false where none of them can be learned and nothing else waits. */
  async #handOver(night: AskedNight): Promise<boolean> {
    const episodes = this.#backlog.episodesOf(night.id);
    const refused = await this.#observe(episodes);
    const message = refused.length === 0 ? null : `not learned: ${refused.join("; ")}`;
    if (message) this.#say(message, night.id);
    // Known as the learner's before they leave the backlog: who asks meanwhile finds each of them.
    await this.#served.refresh();
    this.#backlog.handOver(night.id, this.#served.spent.length, message);
    if (refused.length > 0) await this.#served.refresh();
    try {
      await this.#served.learner.checkCounts(new Map());
      return true;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#backlog.settle(night.id, "impossible", error.message);
      this.#say(error.message, night.id);
      return false;
    }
  }

  /** The learner keeps episodes; those that it refuses all the same are told. */
  async #observe(episodes: readonly Given[]): Promise<string[]> {
    try {
      await this.#served.learner.observeAll(episodes);
      return [];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
    // Somebody else has changed the learner since: one by one.
    const refused: string[] = [];
    for (const episode of episodes) {
      try {
        await this.#served.learner.observeAll([episode]);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        refused.push(error.message);
      }
    }
    return refused;
  }

  /** Forgets and renames what was asked for while a night went on. */
  async #applyChanges(): Promise<void> {
    const changes = this.#backlog.changes();
    if (changes.length === 0) return;
    const { memory, exam, day, trained } = await this.#served.learner.pictures();
    const pictures = new Map([...memory, ...exam, ...day].map((one) => [one.digest, one]));
    const learned = new Set(trained.map(({ digest }) => digest));
    const isHeld = (digest: string) => pictures.has(digest) || learned.has(digest);
    const renamed = changes.flatMap(({ digest, label, exchanged, picture }): Picture[] => {
      // What the night has learned and crowded out is as it was kept with the change.
      const found = pictures.get(digest) ?? picture;
      const isHere = exchanged || this.#backlog.find(digest) !== null;
      return label === null || !found || isHere ? [] : [{ ...found, label }];
    });
    // First they wait under their new names, then they are forgotten under the old ones.
    if (renamed.length > 0) this.#backlog.exchange(renamed);
    const digests = changes.map(({ digest }) => digest).filter(isHeld);
    if (digests.length > 0) await this.#served.learner.forget({ digests });
    // What had been taken by a night that has not begun is still here.
    const waitAgain = new Set(renamed.map(({ digest }) => digest));
    for (const { digest, label, exchanged } of changes) {
      if (isHeld(digest) || exchanged || waitAgain.has(digest)) continue;
      this.#backlog.force(digest, label);
    }
    this.#backlog.endChanges(
      changes.map((one) => ({ ...one, exchanged: one.exchanged || waitAgain.has(one.digest) })),
    );
    await this.#served.refresh();
    if (digests.length > 0) this.#exam = null;
    this.events.emit("forgotten", { images: digests.length, renamed: renamed.length });
  }

  /** Does now what is to happen between two nights, unless one goes on. */
  async #change(): Promise<void> {
    while (this.#changing) await this.#changing;
    if (this.#running || this.#backlog.changes().length === 0) return;
    this.#changing = this.#applyChanges().finally(() => this.#changing = null);
    await this.#changing;
    this.#goOn(); // who asked meanwhile has waited
  }

  #failed(night: AskedNight, error: Error): void {
    const { message } = error;
    if (error instanceof InputError) {
      this.#backlog.settle(night.id, "impossible", message);
    } else {
      const wait = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** this.#failures++);
      this.#retryAt = performance.now() + wait * 1000;
    }
    this.#say(message, night.id);
  }

  /** Looks whether it is time to sleep, or to try again. */
  #tick(): void {
    if (this.#running || this.#busy) return;
    const now = performance.now();
    if (this.#retryAt !== null) {
      if (now >= this.#retryAt) this.#goOn();
      return;
    }
    const { sleepTimes: { idle, daily } } = this.#options;
    const isIdle = idle !== null && now - this.#lastRequest >= idle * 1000;
    if (daily !== null && isDue(new Date(), daily, this.#backlog.fact(LAST_DAY))) {
      this.#backlog.setFact(LAST_DAY, dayOf(new Date()));
      this.#sleepUnasked("schedule");
    } else if (isIdle) {
      if (this.#paused || this.#served.learnable().taken.length >= LEAST_OF_NEW) {
        this.#sleepUnasked("idle");
      }
    }
  }

  #sleepUnasked(why: "idle" | "schedule"): void {
    if (this.#backlog.nights(["day", "asked"]).length > 0) return this.#goOn();
    if (this.#served.learnable().taken.length === 0) return;
    this.sleep({ why }).catch((error) => this.#say(error.message));
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

  #touch(): void {
    this.#lastRequest = performance.now();
  }

  #refuseBusy(): void {
    if (this.#closed) throw new Problem(503, "Cannot do it: the service ends; ask again later", 5);
    if (this.#busy) throw new Problem(503, `Cannot do it: ${this.#busy}; ask again`, 5);
  }

  /** Not asynchronous: no night begins between this and what it is asked for. */
  #refuseAsleep(action: string): void {
    if (!this.#running) return;
    throw new Problem(409, `Cannot ${action}: the learner sleeps; wait for its dawn`, 30);
  }

  #storage(): ObjectStore {
    const { snapshots } = this.#options;
    if (snapshots) return snapshots;
    throw new Problem(
      409,
      "Cannot use snapshots: the service was started without a place for them; start it with --snapshots",
    );
  }
}

/** What is told of a class. */
export interface ClassAnswer {
  readonly name: string;
  /** Whether it is answered with. */
  readonly known: boolean;
  readonly taught: number;
  readonly remembered: number;
  /** At the last dawn; null: it is not known yet. */
  readonly exam: KnownClass["exam"] | null;
  /** Images that wait for a night. */
  readonly waiting: number;
}

/** Fact in the backlog: the last day on which it slept by the clock. */
const LAST_DAY = "slept on";
/** With what begins what was sent under a key to let it sleep; no episode does. */
const SLEEP = "sleep";

function keyIsTaken(): Problem {
  return new Problem(
    422,
    "Cannot keep the episode: its Idempotency-Key was used for another one; give each episode a key of its own",
  );
}
