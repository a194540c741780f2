import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { nameText } from "../images/look_alike.ts";
import { methodOf, needsOf } from "../method/methods.ts";
import { type DreamImages, newborn, type NewLearner, withDreams } from "./birth.ts";
import { parseBundleName } from "./bundle_name.ts";
import { addToDay, endDay } from "./day.ts";
import { refuseFew } from "./division.ts";
import { countAnswers, type ExamResult } from "./examine.ts";
import { type Forgetting, intend } from "./forgetting.ts";
import { type ExamPicture, type Generation, generationsOf, readGeneration } from "./generation.ts";
import { checkList, checkPixels, type Given, newPictures, wholeDigest } from "./given.ts";
import { Keeper, type KeptPlan } from "./keeper.ts";
import { type NightHost, spendNight } from "./night.ts";
import type { Picture } from "./pictures.ts";
import { type Prediction, Predictor } from "./predictor.ts";
import { type DatedRecord, type NightRecord, parseRecord } from "./record.ts";
import { nightConfig } from "./settings.ts";
import type { KnownClass, LearnerState } from "./state.ts";
import { copyStore, isEmpty, type LearnerStore } from "./store.ts";
import { Turns } from "./turns.ts";

/** What a learner needs of its surroundings. */
export type LearnerHost = NightHost;

/** What became of images that the learner was given. */
export interface Observed {
  /** SHA-256 of the pixels of those that wait for the night now, in their order. */
  readonly digests: readonly string[];
  /** Those that it had already. */
  readonly known: number;
}

/** How a call of {@linkcode ContinualLearner.sleep} ended. */
export type NightOutcome =
  /** Stopped and saved: the next call goes on. */
  | { readonly kind: "stopped"; readonly reason: "request" | "time" }
  /**
   * `kept`: there is a new generation. `refused`: the exam of earlier classes fell by more than the margin; the learner
   * is as it was, and the day waits.
   */
  | {
    readonly kind: "kept" | "refused";
    readonly record: NightRecord;
    readonly seconds: number;
  };

/** What a learner has of pictures. */
export interface HeldPictures {
  /** Remembered. */
  readonly memory: readonly Picture[];
  /** Set apart, and never trained on. */
  readonly exam: readonly Picture[];
  /** Waiting for a night. */
  readonly day: readonly Picture[];
  /** Learned from, whether their pixels are still held or not. */
  readonly trained: readonly Pick<Picture, "label" | "digest">[];
}

/** What waits for a night. */
export interface Waiting {
  /** Images by class. */
  readonly day: ReadonlyMap<string, number>;
  /** A night that was interrupted. */
  readonly night: boolean;
  /** A night whose dawn was refused. */
  readonly refused: boolean;
}

/**
 * A learner that is kept: it is taught images class by class, learns them in nights, answers at any time with what it
 * knew at the last dawn, and forgets on demand. Everything that it is lies in its store, generation by generation;
 * whatever interrupts it, what was acknowledged is there, and a night that was cut goes on to the same bits.
 *
 * Its methods may be called at any time, also several at once: what changes the store waits for its turn. Images are
 * taken while it sleeps, for the next night; what would disturb a night waits for its end. Two learners on one store
 * know nothing of each other: whoever shares one sees to that (a folder's lock, a page's).
 *
 * ```ts ignore
 * const learner = await ContinualLearner.create(new MemoryLearnerStore(), { settings: { size: 32 } }, host);
 * await learner.observe(photographs, "cat");
 * await learner.observe(others, "dog");
 * await learner.sleep();
 * const [{ answers, none }] = await learner.predict([pixels]);
 * ```
 */
export class ContinualLearner {
  readonly #keeper: Keeper;
  readonly #host: LearnerHost;
  /** Short looks at the store, and changes of it. */
  readonly #turns = new Turns();
  /** Nights, and what waits for the end of one that goes on. */
  readonly #nights = new Turns();
  readonly #answers = new Turns();
  #predictor: Answering | null = null;

  private constructor(keeper: Keeper, host: LearnerHost) {
    this.#keeper = keeper;
    this.#host = host;
  }

  /**
   * Makes a learner that knows nothing yet.
   *
   * @throws {InputError} where the store holds one already, or what is wanted does not go together.
   */
  static async create(
    store: LearnerStore,
    wanted: NewLearner,
    host: LearnerHost,
  ): Promise<ContinualLearner> {
    if (!await isEmpty(store)) {
      throw new InputError(
        `Cannot make a learner: ${store.name} holds one already; choose another place`,
      );
    }
    const keeper = await Keeper.begin(store, await newborn(wanted), hooksOf(host));
    return new ContinualLearner(keeper, host);
  }

  /**
   * Opens a learner as it was at the last dawn.
   *
   * @throws {InputError} where there is none, or none of its generations is whole.
   */
  static async open(store: LearnerStore, host: LearnerHost): Promise<ContinualLearner> {
    return new ContinualLearner(await Keeper.open(store, hooksOf(host)), host);
  }

  /** The learner at the last dawn: settings, classes, counters. */
  get state(): LearnerState {
    return this.#keeper.generation.state;
  }

  /** The pictures of its long-term memory. */
  get remembered(): readonly Picture[] {
    return this.#keeper.generation.memory;
  }

  /** The pictures of its exam, each with how it was answered at the last dawn. */
  get examined(): readonly ExamPicture[] {
    return this.#keeper.generation.exam;
  }

  /** The pictures that wait for a night, in the order in which they came. */
  async today(): Promise<Picture[]> {
    return await this.#change((keeper) => keeper.day());
  }

  /** What waits for a night. */
  async waiting(): Promise<Waiting> {
    return await this.#change(async (keeper) => ({
      day: await countsOfDay(keeper),
      night: await keeper.pendingPlan() !== null,
      refused: await keeper.refused() !== null,
    }));
  }

  /**
   * Pictures that it holds: those that it remembers, those of its exam, and those that wait for a night; and what is
   * known of all that it has learned from, held or not.
   */
  async pictures(): Promise<HeldPictures> {
    return await this.#turns.take(async () => {
      const { memory, exam, trained } = this.#keeper.generation;
      return { memory, exam, trained, day: await this.#keeper.day() };
    });
  }

  /** {@linkcode observeAll} for images of one class. */
  async observe(
    images: readonly Uint8Array<ArrayBuffer>[],
    label: string,
    from = "",
  ): Promise<Observed> {
    checkList(images, "learn");
    return await this.observeAll(images.map((pixels) => ({ pixels, label, from })));
  }

  /**
   * Takes images for the next night. When it resolves they are kept, whatever happens; images that it has already, by
   * their pixels, are passed over.
   *
   * @throws {InputError} for images of another size, names that cannot be told apart, more classes than there is room
   * for, and an image that it knows under another name; nothing is taken then.
   */
  async observeAll(images: readonly Given[]): Promise<Observed> {
    checkList(images, "learn");
    return await this.#change(async (keeper) => {
      const { settings: { size } } = this.state;
      const fresh = await this.#newOnes(images, await keeper.day());
      if (fresh.length > 0) await addToDay(keeper.store, await keeper.nextNumber(), fresh, size);
      return {
        digests: fresh.map(({ digest }) => digest),
        known: images.length - fresh.length,
      };
    });
  }

  /**
   * Whether a night could learn these images; nothing is taken.
   *
   * @param options.discarded what waits is to be let go before.
   * @throws {InputError} where {@linkcode observeAll} would, and for new classes with too few images that differ.
   */
  async check(
    images: readonly Given[],
    { discarded = false }: { readonly discarded?: boolean } = {},
  ): Promise<void> {
    await this.#change(async (keeper) => {
      const day = discarded ? [] : await keeper.day();
      const fresh = await this.#newOnes(images, day);
      refuseFew(countsOf([...day, ...fresh]), this.#taught(), countsOf(images));
    });
  }

  /**
   * Whether a night could learn so many more images of each class.
   *
   * @throws {InputError} for new classes that would have too few.
   */
  async checkCounts(counts: ReadonlyMap<string, number>): Promise<void> {
    const sums = await this.#change(countsOfDay);
    for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
    refuseFew(sums, this.#taught());
  }

  /**
   * Spends a night: the one that was interrupted, if there is one; else with all that waits; else, where nothing waits,
   * with what it remembers.
   *
   * @param options.accept takes the learner that the night makes, however its exam went. Default: where the exam of
   * earlier classes falls by more than the margin it stays as it was.
   * @throws {InputError} for new classes with too few images, and where there is nothing to learn or to remember.
   */
  async sleep({ accept = false }: { readonly accept?: boolean } = {}): Promise<NightOutcome> {
    return await this.#nights.take(async () => {
      const { store, plan, base, day } = await this.#change(async (keeper) => {
        await keeper.day(); // of which nothing is damaged from here on
        const plan = await keeper.pendingPlan() ?? await this.#newPlan(keeper);
        const { store, generation: base } = keeper;
        return { store, plan, base, day: await keeper.day(plan.taken) };
      });
      const end = await spendNight(store, { ...plan, base, day }, this.#host);
      if (end.stopped !== null) return { kind: "stopped", reason: end.stopped };
      const { seconds } = end;
      const record = { ...end.record, passed: accept || end.record.passed };
      const generation = { ...end.generation, record };
      await this.#turns.take(() => this.#keepDawn(generation, plan, seconds));
      if (record.passed) await this.#answerAnew();
      return { kind: record.passed ? "kept" : "refused", record, seconds };
    });
  }

  /**
   * Takes the learner of the night whose dawn was refused.
   *
   * @throws {InputError} where there is none.
   */
  async accept(): Promise<NightRecord> {
    return await this.#changeBetweenNights(async (keeper) => {
      const name = await keeper.refused();
      if (name === null) {
        throw new InputError(`Cannot accept: no night of ${keeper.store.name} was refused`);
      }
      const refused = await readGeneration(keeper.store, name, "refused").catch((error) => {
        if (!(error instanceof InputError)) throw error;
        throw new InputError(`${error.message}; try another night (sleep), or let it go (discard)`);
      });
      const record = { ...refused.record!, passed: true };
      await keeper.keep({ ...refused, record }, 0, { accepted: true });
      return record;
    });
  }

  /** Lets go of all that waits: images of the day, an interrupted night, one that was refused. */
  async discard(): Promise<void> {
    await this.#changeBetweenNights(async (keeper) => {
      await keeper.endNight();
      await keeper.dropRefused();
      await endDay(keeper.store, Infinity);
    });
  }

  /**
   * What it answers to images, as it was at the last dawn; also while it sleeps.
   *
   * @param images RGB bytes, `[size, size, 3]` each.
   */
  async predict(images: readonly Uint8Array<ArrayBuffer>[]): Promise<Prediction[]> {
    checkList(images, "ask about");
    for (const pixels of images) checkPixels(pixels, this.state.settings.size, "");
    // Images of one call must not take the place of another's while these are judged.
    return await this.#answers.take(async () => {
      const answering = await this.#answering();
      answering.calls++;
      try {
        return await answering.predictor.predict(images);
      } finally {
        answering.calls--;
        if (answering !== this.#predictor) free(answering);
      }
    });
  }

  /** The exam of the last dawn again, or of images that are given. */
  async exam(images: readonly Given[] = this.#keeper.generation.exam): Promise<ExamResult> {
    const predictions = await this.predict(images.map(({ pixels }) => pixels));
    const known = this.state.classes.map(({ name }) => name);
    return countAnswers(known, images.map(({ label }) => label), predictions);
  }

  /**
   * What it has of an image with this digest. `held`: it is remembered, examined, or waits; `trained`: it was learned
   * from, and has been crowded out of the memory since; `earlier`: an earlier generation that is kept has it; null:
   * nothing.
   */
  async find(digest: string): Promise<"held" | "trained" | "earlier" | null> {
    return await this.#change(async (keeper) => {
      const { memory, exam, trained } = keeper.generation;
      const isIt = (one: { readonly digest: string }) => one.digest === digest;
      if ([...memory, ...exam, ...await keeper.day()].some(isIt)) return "held";
      if (trained.some(isIt)) return "trained";
      return (await keeper.earlier()).some(({ exam, trained }) => [...exam, ...trained].some(isIt))
        ? "earlier"
        : null;
    });
  }

  /**
   * Forgets classes and images: they leave the memory, the exam and the day in every generation that is kept, and the
   * heads of the classes are free again. Weights that have seen them stay; let it sleep afterwards.
   *
   * @param what.digests beginnings of SHA-256 digests of pixels, 8 digits or more
   * @returns how many images have left the last generation and the day.
   * @throws {InputError} for a name or a digest that it does not know; nothing is forgotten then.
   */
  async forget({ classes = [], digests = [] }: Partial<Forgetting>): Promise<number> {
    checkList(classes, "forget");
    checkList(digests, "forget");
    return await this.#changeBetweenNights(async (keeper) => {
      const day = await keeper.day();
      const all = [keeper.generation, ...await keeper.earlier()];
      const names = new Set([
        ...all.flatMap(({ state }) => state.classes.map(({ name }) => name)),
        ...day.map(({ label }) => label),
      ]);
      const unknown = classes.find((name) => !names.has(name));
      if (unknown !== undefined) {
        throw new InputError(
          `Cannot forget ${nameText(unknown)}: it is no class of ${keeper.store.name}; it has ${
            [...names].map(nameText).join(", ") || "none"
          }`,
        );
      }
      const known = [...day, ...all.flatMap(({ exam, trained }) => [...exam, ...trained])];
      const whole = digests.map((digest) => wholeDigest(digest, known));
      const { memory, exam } = keeper.generation;
      const pictures = [...memory, ...exam, ...day];
      await intend(keeper.store, { classes, digests: whole });
      await keeper.recover();
      const [left, images] = [new Set(classes), new Set(whole)];
      return pictures.filter(({ label, digest }) => left.has(label) || images.has(digest)).length;
    });
  }

  /**
   * Makes an earlier generation the last one, as a new one; what was learned since is not in it. Images that wait stay.
   *
   * @throws {InputError} for one that is not kept.
   */
  async rollback(generation: number): Promise<void> {
    await this.#changeBetweenNights(async (keeper) => {
      const { taken, generation: last } = this.state;
      const names = await keeper.store.names("generations");
      const name = names.findLast((name) => parseBundleName(name).number === generation);
      if (name === undefined || generation === last) {
        const others = (await this.generations()).filter((number) => number !== last);
        throw new InputError(
          `Cannot go back to generation ${generation}: ${
            generation === last ? "it is the last one" : "it is not kept"
          }; ${others.length > 0 ? `there ${are(others)}` : "there is no other"}`,
        );
      }
      const back = await readGeneration(keeper.store, name);
      await keeper.endNight();
      await keeper.dropRefused();
      await keeper.write({ ...back, state: { ...back.state, generation: last + 1, taken } });
    });
  }

  /** The history of its nights, oldest first. */
  async nights(): Promise<DatedRecord[]> {
    return (await this.#keeper.store.lines()).flatMap(parseRecord);
  }

  /** Generations that are kept, ascending. */
  async generations(): Promise<number[]> {
    return await generationsOf(this.#keeper.store);
  }

  /** Copies all that it is into another store, which must be empty; of what is damaged it is said that it is not. */
  async save(to: LearnerStore): Promise<void> {
    if (!await isEmpty(to)) {
      throw new InputError(`Cannot save to ${to.name}: it is not empty; choose another place`);
    }
    const problems = await this.#turns.take(() => copyStore(this.#keeper.store, to));
    for (const problem of problems) {
      this.#host.emit({ type: "message", text: `${problem}; it is not copied` });
    }
  }

  /** What it dreams of from the next night on: images, what is remembered (also null), or nothing. */
  async dreamOf(dreams: DreamImages | "memory" | "none" | null): Promise<void> {
    await this.#changeBetweenNights(async (keeper) => {
      await keeper.endNight();
      await keeper.dropRefused();
      await keeper.write(await withDreams(keeper.generation, dreams ?? "memory"));
    });
  }

  /** Frees what it holds on the GPU. What it is stays in its store. */
  close(): void {
    const answering = this.#predictor;
    this.#predictor = null;
    if (answering) free(answering);
  }

  /** Looks at the store or changes it, when it is its turn; what was interrupted before is finished first. */
  async #change<T>(work: (keeper: Keeper) => Promise<T>): Promise<T> {
    return await this.#turns.take(async () => {
      await this.#keeper.recover();
      return await work(this.#keeper);
    });
  }

  /** The same for what a night that goes on would not survive; what it answers with may be another then. */
  async #changeBetweenNights<T>(work: (keeper: Keeper) => Promise<T>): Promise<T> {
    const change = async () => {
      const result = await this.#change(work);
      await this.#answerAnew();
      return result;
    };
    return await (this.#nights.busy ? this.#nights.take(change) : change());
  }

  /** Lets go of the generation that answered, once it has answered all that it was asked before. */
  async #answerAnew(): Promise<void> {
    await this.#answers.take(() => Promise.resolve(this.close()));
  }

  async #keepDawn(generation: Generation, plan: KeptPlan, seconds: number): Promise<void> {
    try {
      if (generation.record!.passed) await this.#keeper.keep(generation, seconds);
      else await this.#keeper.refuse(generation, plan, seconds);
    } catch (error) {
      if (error instanceof Error) {
        error.message += `; nothing is lost, go on with ${this.#host.goOnWith}`;
      }
      throw error;
    }
  }

  /** Those of some images that are not known, nor in this day. */
  async #newOnes(images: readonly Given[], day: readonly Picture[]): Promise<Picture[]> {
    const { settings: { size, maxClasses }, classes } = this.state;
    const { memory, exam, trained } = this.#keeper.generation;
    return await newPictures(images, {
      ...{ size, maxClasses },
      names: [...classes.map(({ name }) => name), ...day.map(({ label }) => label)],
      pictures: [...trained, ...memory, ...exam, ...day],
    });
  }

  /** A night with all that waits, or one of rest. */
  async #newPlan(keeper: Keeper): Promise<KeptPlan> {
    const counts = await countsOfDay(keeper);
    if (counts.size > 0) refuseFew(counts, this.#taught());
    else this.#refuseRest();
    return await keeper.newPlan();
  }

  #refuseRest(): void {
    const config = nightConfig(this.state.settings, 1);
    const fail = (found: string) => {
      throw new InputError(
        `Cannot sleep: nothing waits to be learned, and ${found}; teach it something first`,
      );
    };
    if (!needsOf(config).sleeps) fail(`${methodOf(config).name} has no nights`);
    if (this.#keeper.generation.memory.length === 0) fail("nothing is remembered");
  }

  /** Classes that it has images of. */
  #taught(): Map<string, KnownClass> {
    const taught = this.state.classes.filter(({ taught }) => taught > 0);
    return new Map(taught.map((known) => [known.name, known]));
  }

  async #answering(): Promise<Answering> {
    if (this.#predictor) return this.#predictor;
    const gpu = await this.#host.openGpu();
    const predictor = new Predictor(gpu, this.#keeper.generation);
    return this.#predictor = { gpu, predictor, calls: 0 };
  }
}

/** Images that wait, by class. */
async function countsOfDay(keeper: Keeper): Promise<Map<string, number>> {
  return countsOf(await keeper.day());
}

function countsOf(images: readonly Pick<Given, "label">[]): Map<string, number> {
  const counts = Map.groupBy(images, ({ label }) => label);
  return new Map([...counts].map(([name, { length }]) => [name, length]));
}

/** What answers, until the next dawn. */
interface Answering {
  readonly gpu: Gpu;
  readonly predictor: Predictor;
  /** That wait for an answer. */
  calls: number;
}

/** Frees what answers behind the last call that waits for it. */
function free({ gpu, predictor, calls }: Answering): void {
  if (calls > 0) return;
  predictor.destroy();
  gpu.destroy();
}

function hooksOf({ now, emit }: LearnerHost) {
  return { now, warn: (text: string) => emit({ type: "message", text }) };
}

/** `is generation 3`, `are generations 3 and 4` */
function are(generations: readonly number[]): string {
  const several = generations.length > 1;
  return `${several ? "are generations" : "is generation"} ${generations.join(" and ")}`;
}
