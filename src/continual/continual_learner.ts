import { InputError } from "../errors.ts";
import { parseJson } from "../experiment/json.ts";
import type { Gpu } from "../gpu/device.ts";
import type { ImageSet } from "../images/image_set.ts";
import { lookAlikes } from "../images/look_alike.ts";
import { methodOf, needsOf } from "../method/methods.ts";
import { digestOfImageSet } from "../experiment/run_identity.ts";
import { addToDay, dayNumbers, endDay, readDay } from "./day.ts";
import { refuseFew } from "./division.ts";
import { firstDreams } from "./dream_heads.ts";
import { countAnswers, type ExamResult } from "./examine.ts";
import { finishForgetting, type Forgetting, intend } from "./forgetting.ts";
import {
  type Generation,
  generationFiles,
  generationName,
  generationsOf,
  type Knowledge,
  parseGenerationName,
  readGeneration,
  readLast,
} from "./generation.ts";
import { type NightHost, spendNight } from "./night.ts";
import { type Picture, pictureOf } from "./pictures.ts";
import { type Prediction, Predictor } from "./predictor.ts";
import { type DatedRecord, type NightRecord, parseRecord } from "./record.ts";
import { checkSettings, type LearnerSettings, nightConfig, USUAL } from "./settings.ts";
import { firstModel, PHOTOGRAPHS, type Start, startFacts } from "./start.ts";
import type { DreamSet, KnownClass, LearnerState } from "./state.ts";
import { copyStore, isEmpty, type LearnerStore } from "./store.ts";

/** What a learner needs of its surroundings. */
export type LearnerHost = NightHost;

/** What a learner is made of; all can be left out. */
export interface NewLearner {
  /** What is not given is as usual; `width` and `stem` of a start are its own. */
  readonly settings?: Partial<LearnerSettings>;
  /** Weights to begin with; default: fresh ones. */
  readonly start?: Start | null;
  /** Keeps the classifier of the start, and the names of its classes where it has them. */
  readonly keepHead?: boolean;
  /** Images to dream of, and where they are found again; default: what `settings.dreams` says. */
  readonly dreams?: { readonly from: string; readonly images: ImageSet } | null;
}

/** An image that the learner is taught. */
export interface Given {
  /** RGB bytes, `[size, size, 3]`. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** Name of its class. */
  readonly label: string;
  /** Where it came from, such as a path; default: nothing. */
  readonly from?: string;
}

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
  /** A new generation. */
  | { readonly kind: "kept"; readonly record: NightRecord; readonly seconds: number }
  /** The exam of earlier classes fell by more than the margin: the learner is as it was, and the day waits. */
  | { readonly kind: "refused"; readonly record: NightRecord; readonly seconds: number };

/** What waits for a night. */
export interface Waiting {
  /** Images by class. */
  readonly day: ReadonlyMap<string, number>;
  /** A night that was interrupted. */
  readonly night: boolean;
  /** A night whose dawn was refused. */
  readonly refused: boolean;
}

const PLAN = "plan.json";

/** What is kept of a night before it begins: all that is not in generation and day. */
interface KeptPlan {
  readonly base: string;
  readonly taken: number;
  readonly attempt: number;
}

/**
 * A learner that is kept: it is taught images class by class, learns them in nights, answers at any time with what it
 * knew at the last dawn, and forgets on demand. Everything that it is lies in its store, generation by generation;
 * whatever interrupts it, what was acknowledged is there, and a night that was cut goes on to the same bits.
 *
 * Methods that change something want to be alone: whoever shares a store sees to that (a folder's lock, a page's).
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
  readonly #store: LearnerStore;
  readonly #host: LearnerHost;
  #name: string;
  #generation: Generation;
  #predictor: { readonly gpu: Gpu; readonly predictor: Predictor } | null = null;

  private constructor(
    store: LearnerStore,
    host: LearnerHost,
    name: string,
    generation: Generation,
  ) {
    this.#store = store;
    this.#host = host;
    this.#name = name;
    this.#generation = generation;
  }

  /**
   * Makes a learner that knows nothing yet.
   *
   * @throws {InputError} where the store holds one already, or what is wanted does not go together.
   */
  static async create(
    store: LearnerStore,
    { settings: given = {}, start = null, keepHead = false, dreams = null }: NewLearner,
    host: LearnerHost,
  ): Promise<ContinualLearner> {
    if (!await isEmpty(store)) {
      throw new InputError(
        `Cannot make a learner: ${store.name} holds one already; choose another place`,
      );
    }
    const facts = start && startFacts(start);
    if (facts && given.width !== undefined && given.width !== facts.width) {
      throw new InputError(
        `Cannot start from ${
          start!.name
        }: its width is ${facts.width}, and ${given.width} is asked for; leave the ` +
          "width out, or start from none",
      );
    }
    const settings: LearnerSettings = {
      ...USUAL,
      ...PHOTOGRAPHS,
      ...given,
      ...facts,
      dreams: dreams ? "images" : given.dreams ?? USUAL.dreams,
    };
    checkSettings(settings);
    const { model, classes } = firstModel(settings, start, keepHead);
    const known = classes.flatMap((name, head): KnownClass[] =>
      name === null ? [] : [{ name, head, taught: 0, remembered: 0, exam: { images: 0, right: 0 } }]
    );
    const set = dreams && await dreamSetOf(dreams);
    const state: LearnerState = {
      format: 1,
      generation: 0,
      settings,
      classes: known,
      dreams: set,
      dreamOfHead: firstDreams(settings.maxClasses, set?.classes ?? 0),
      random: null,
      nights: 0,
      steps: 0,
      images: 0,
      taken: 0,
      memory: null,
      threshold: null,
    };
    const generation = { state, model, memory: [], exam: [], record: null };
    const name = generationName(0);
    await store.write("generations", name, generationFiles(generation));
    return new ContinualLearner(store, host, name, generation);
  }

  /**
   * Opens a learner as it was at the last dawn.
   *
   * @throws {InputError} where there is none, or none of its generations is whole.
   */
  static async open(store: LearnerStore, host: LearnerHost): Promise<ContinualLearner> {
    const { name, found } = await readLast(
      store,
      (name) => readGeneration(store, name),
      (text) => host.emit({ type: "message", text }),
    );
    return new ContinualLearner(store, host, name, found);
  }

  /** The learner at the last dawn: settings, classes, counters. */
  get state(): LearnerState {
    return this.#generation.state;
  }

  /** What waits for a night. */
  async waiting(): Promise<Waiting> {
    await this.#recover();
    const day = await this.#day();
    const counts = Map.groupBy(day, ({ label }) => label);
    return {
      day: new Map([...counts].map(([name, pictures]) => [name, pictures.length])),
      night: (await this.#store.names("night")).length > 0,
      refused: (await this.#store.names("refused")).length > 0,
    };
  }

  /** {@linkcode observeAll} for images of one class. */
  async observe(
    images: readonly Uint8Array<ArrayBuffer>[],
    label: string,
    from = "",
  ): Promise<Observed> {
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
    await this.#recover();
    const { settings: { size, maxClasses }, classes } = this.state;
    const day = await this.#day();
    const names = new Set([...classes.map(({ name }) => name), ...day.map(({ label }) => label)]);
    const known = new Map(
      [...this.#generation.memory, ...this.#generation.exam, ...day]
        .map(({ digest, label }) => [digest, label]),
    );
    const fresh: Picture[] = [];
    for (const { pixels, label, from = "" } of images) {
      checkPixels(pixels, size, from);
      checkName(label, names);
      const picture = await pictureOf(pixels, label, from);
      const other = known.get(picture.digest);
      if (other !== undefined && other !== label) {
        throw new InputError(
          `Cannot learn ${
            from || "an image"
          } as ${label}: it is known as ${other}; leave it out, or forget it first ` +
            `(./wscl forget --image ${picture.digest.slice(0, 16)})`,
        );
      }
      names.add(label);
      if (names.size > maxClasses) {
        throw new InputError(
          `Cannot learn ${label}: it would be the ${names.size}th class, and the learner has room for ${maxClasses}; ` +
            "forget a class, or make a learner with more --max-classes",
        );
      }
      if (other === undefined) fresh.push(picture);
      known.set(picture.digest, label);
    }
    if (fresh.length > 0) await addToDay(this.#store, await this.#nextNumber(), fresh, size);
    return {
      digests: fresh.map(({ digest }) => digest),
      known: images.length - fresh.length,
    };
  }

  /**
   * Whether a night could learn so many more images of each class.
   *
   * @throws {InputError} for new classes that would have too few.
   */
  async checkCounts(counts: ReadonlyMap<string, number>): Promise<void> {
    const { day } = await this.waiting();
    const sums = new Map(day);
    for (const [name, count] of counts) sums.set(name, (day.get(name) ?? 0) + count);
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
    await this.#recover();
    const store = this.#store;
    const plan = await this.#pendingPlan() ?? await this.#newPlan();
    const { settings: { size }, taken: after } = this.state;
    const day = await readDay(store, size, { after, until: plan.taken });
    const end = await spendNight(
      store,
      { base: this.#generation, day, taken: plan.taken, attempt: plan.attempt },
      this.#host,
    );
    if (end.stopped !== null) return { kind: "stopped", reason: end.stopped };
    const { seconds } = end;
    const passed = accept || end.record.passed;
    const record = { ...end.record, passed };
    const generation = { ...end.generation, record };
    if (passed) {
      await this.#keep(generation, seconds);
      return { kind: "kept", record, seconds };
    }
    const name = generationName(generation.state.generation);
    const files = { ...generationFiles(generation), [PLAN]: encode(plan) };
    await store.write("refused", name, files);
    await this.#log(record, seconds);
    await this.#endNight();
    return { kind: "refused", record, seconds };
  }

  /**
   * Takes the learner of the night whose dawn was refused.
   *
   * @throws {InputError} where there is none.
   */
  async accept(): Promise<NightRecord> {
    await this.#recover();
    const [name] = await this.#store.names("refused");
    if (name === undefined) {
      throw new InputError(`Cannot accept: no night of ${this.#store.name} was refused`);
    }
    const refused = await readGeneration(this.#store, name, "refused");
    const record = { ...refused.record!, passed: true };
    await this.#keep({ ...refused, record }, 0);
    return record;
  }

  /** Lets go of all that waits: images of the day, an interrupted night, one that was refused. */
  async discard(): Promise<void> {
    await this.#recover();
    await this.#endNight();
    for (const name of await this.#store.names("refused")) {
      await this.#store.remove("refused", name);
    }
    await endDay(this.#store, Infinity);
  }

  /**
   * What it answers to images, as it was at the last dawn; also while it sleeps.
   *
   * @param images RGB bytes, `[size, size, 3]` each.
   */
  async predict(images: readonly Uint8Array<ArrayBuffer>[]): Promise<Prediction[]> {
    for (const pixels of images) checkPixels(pixels, this.state.settings.size, "");
    return await (await this.#answering(images.length)).predict(images);
  }

  /** The exam of the last dawn again, or of images that are given. */
  async exam(images: readonly Given[] = this.#generation.exam): Promise<ExamResult> {
    const predictions = await this.predict(images.map(({ pixels }) => pixels));
    const known = this.state.classes.map(({ name }) => name);
    return countAnswers(known, images.map(({ label }) => label), predictions);
  }

  /**
   * Forgets classes and images: they leave the memory, the exam and the day in every generation that is kept, and the
   * heads of the classes are free again. Weights that have seen them stay; let it sleep afterwards.
   *
   * @param what.digests beginnings of SHA-256 digests of pixels, 8 digits or more
   * @returns how many images have left the last generation and the day.
   * @throws {InputError} for a name or a digest that it does not know; nothing is forgotten then.
   */
  async forget(what: Partial<Forgetting>): Promise<number> {
    await this.#recover();
    const { classes = [], digests = [] } = what;
    const day = await this.#day();
    const pictures = [...this.#generation.memory, ...this.#generation.exam, ...day];
    const names = new Set([
      ...this.state.classes.map(({ name }) => name),
      ...day.map(({ label }) => label),
    ]);
    for (const name of classes) {
      if (names.has(name)) continue;
      throw new InputError(
        `Cannot forget ${name}: it is no class of ${this.#store.name}; it has ${
          [...names].join(", ") || "none"
        }`,
      );
    }
    const whole = await Promise.all(
      digests.map((digest) => this.#wholeDigest(digest, pictures)),
    );
    await intend(this.#store, { classes, digests: whole });
    await this.#recover();
    const left = new Set(classes);
    const images = new Set(whole);
    return pictures.filter(({ label, digest }) => left.has(label) || images.has(digest)).length;
  }

  /**
   * Makes an earlier generation the last one, as a new one; what was learned since is not in it. Images that wait stay.
   *
   * @throws {InputError} for one that is not kept.
   */
  async rollback(generation: number): Promise<void> {
    await this.#recover();
    const store = this.#store;
    const names = await store.names("generations");
    const name = names.findLast((name) => parseGenerationName(name).generation === generation);
    if (name === undefined || generation === this.state.generation) {
      const kept = names.map((name) => parseGenerationName(name).generation);
      const others = kept.filter((number) => number !== this.state.generation);
      throw new InputError(
        `Cannot go back to generation ${generation}: ${
          generation === this.state.generation ? "it is the last one" : "it is not kept"
        }; ${others.length > 0 ? `there ${are(others)}` : "there is no other"}`,
      );
    }
    const back = await readGeneration(store, name);
    const { taken, generation: last } = this.state;
    const state = { ...back.state, generation: last + 1, taken };
    await this.#endNight();
    for (const refused of await store.names("refused")) await store.remove("refused", refused);
    await this.#write({ ...back, state });
  }

  /** The history of its nights, oldest first. */
  async nights(): Promise<DatedRecord[]> {
    return (await this.#store.lines()).flatMap(parseRecord);
  }

  /** Generations that are kept, ascending. */
  async generations(): Promise<number[]> {
    return await generationsOf(this.#store);
  }

  /** Copies all that it is into another store, which must be empty. */
  async save(to: LearnerStore): Promise<void> {
    if (!await isEmpty(to)) {
      throw new InputError(`Cannot save to ${to.name}: it is not empty; choose another place`);
    }
    await copyStore(this.#store, to);
  }

  /** Gives the images to dream of another source, from the next night on; null: what is remembered. */
  async dreamOf(dreams: NewLearner["dreams"]): Promise<void> {
    await this.#recover();
    const { state } = this.#generation;
    const set = dreams ? await dreamSetOf(dreams) : null;
    const heads = firstDreams(state.settings.maxClasses, state.settings.maxClasses);
    const taken = new Set(state.classes.map(({ head }) => head));
    const free = heads.filter((head) => !taken.has(head)).slice(0, set?.classes ?? 0);
    const dreamOfHead = heads.map((head) => free.indexOf(head));
    const settings = { ...state.settings, dreams: set ? "images" as const : "memory" as const };
    await this.#endNight();
    const generation = state.generation + 1;
    await this.#write({
      ...this.#generation,
      state: { ...state, settings, dreams: set, dreamOfHead, generation },
    });
  }

  /** Frees what it holds on the GPU. What it is stays in its store. */
  close(): void {
    this.#predictor?.predictor.destroy();
    this.#predictor?.gpu.destroy();
    this.#predictor = null;
  }

  /** Finishes what was interrupted between two calls; it is as after the last one that came to its end. */
  async #recover(): Promise<void> {
    const store = this.#store;
    if (await finishForgetting(store)) await this.#reload();
    const { state, record } = this.#generation;
    if (record?.generation === state.generation && !await this.#isLogged(record)) {
      await this.#log(record, 0);
    }
    const pending = await this.#pendingPlan();
    if (pending === null) await this.#endNight();
    await endDay(store, state.taken);
  }

  async #reload(): Promise<void> {
    const { name, found } = await readLast(
      this.#store,
      (name) => readGeneration(this.#store, name),
      (text) => this.#host.emit({ type: "message", text }),
    );
    this.#name = name;
    this.#generation = found;
    this.close();
  }

  /** The night that was interrupted; null where there is none, or what it was to learn has changed. */
  async #pendingPlan(): Promise<KeptPlan | null> {
    const [name] = await this.#store.names("night");
    if (name === undefined) return null;
    try {
      const { [PLAN]: bytes } = await this.#store.read("night", name, [PLAN]);
      const plan = parseJson(new TextDecoder().decode(bytes), PLAN) as KeptPlan;
      return plan.base === this.#name ? plan : null;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return null; // it was cut while it was written, before the night began
    }
  }

  async #newPlan(): Promise<KeptPlan> {
    const store = this.#store;
    const { taken: last, settings } = this.state;
    const day = await this.#day();
    if (day.length > 0) {
      const counts = Map.groupBy(day, ({ label }) => label);
      refuseFew(
        new Map([...counts].map(([name, { length }]) => [name, length])),
        this.#taught(),
      );
    } else {
      const config = nightConfig(settings, 1);
      if (!needsOf(config).sleeps) {
        throw new InputError(
          `Cannot sleep: nothing waits to be learned, and ${
            methodOf(config).name
          } has no nights; teach it something first`,
        );
      }
      if (this.#generation.memory.length === 0) {
        throw new InputError(
          "Cannot sleep: nothing waits to be learned, and nothing is remembered; teach it something first",
        );
      }
    }
    const taken = Math.max(last, ...await dayNumbers(store));
    const [refused] = await store.names("refused");
    const attempt = refused === undefined ? 0 : (await this.#refusedPlan(refused)).attempt + 1;
    const plan: KeptPlan = { base: this.#name, taken, attempt };
    await store.write("night", "1", { [PLAN]: encode(plan) });
    if (refused !== undefined) await store.remove("refused", refused);
    return plan;
  }

  async #refusedPlan(name: string): Promise<KeptPlan> {
    const { [PLAN]: bytes } = await this.#store.read("refused", name, [PLAN]);
    return parseJson(new TextDecoder().decode(bytes), PLAN) as KeptPlan;
  }

  /** Makes a generation the last one, and ends the day and the night that it came from. */
  async #keep(generation: Generation, seconds: number): Promise<void> {
    await this.#write(generation);
    await this.#log(generation.record!, seconds);
    await this.#endNight();
    for (const name of await this.#store.names("refused")) {
      await this.#store.remove("refused", name);
    }
    await endDay(this.#store, generation.state.taken);
  }

  async #write(generation: Generation): Promise<void> {
    const store = this.#store;
    const name = generationName(generation.state.generation);
    await store.write("generations", name, generationFiles(generation));
    this.#name = name;
    this.#generation = generation;
    this.close();
    const names = await store.names("generations");
    for (const old of names.slice(0, Math.max(0, names.length - generation.state.settings.kept))) {
      await store.remove("generations", old);
    }
  }

  async #isLogged({ generation, night }: NightRecord): Promise<boolean> {
    // Behind it there may be nights that were refused.
    const last = (await this.#store.lines()).flatMap(parseRecord).findLast(({ passed }) => passed);
    return last?.generation === generation && last.night === night;
  }

  async #log(record: NightRecord, seconds: number): Promise<void> {
    const at = new Date(this.#host.now()).toISOString();
    const dated: DatedRecord = { ...record, at, seconds: Math.round(seconds * 10) / 10 };
    await this.#store.append(JSON.stringify(dated));
  }

  /** Removes what a night leaves, finished or not; what was refused stays. */
  async #endNight(): Promise<void> {
    for (const shelf of ["night", "checkpoints"] as const) {
      for (const name of await this.#store.names(shelf)) await this.#store.remove(shelf, name);
    }
  }

  /** What waits, in the order in which it came. */
  async #day(): Promise<Picture[]> {
    const { settings: { size }, taken: after } = this.state;
    return await readDay(this.#store, size, { after, until: Infinity });
  }

  async #nextNumber(): Promise<number> {
    const plan = await this.#pendingPlan();
    const numbers = await dayNumbers(this.#store);
    return Math.max(this.state.taken, plan?.taken ?? 0, ...numbers) + 1;
  }

  /** Classes that it has images of. */
  #taught(): Map<string, KnownClass> {
    const taught = this.state.classes.filter(({ taught }) => taught > 0);
    return new Map(taught.map((known) => [known.name, known]));
  }

  #wholeDigest(digest: string, pictures: readonly Picture[]): string {
    const found = new Set(
      pictures.filter((picture) => picture.digest.startsWith(digest.toLowerCase()))
        .map((picture) => picture.digest),
    );
    const [whole] = found;
    if (/^[0-9a-f]{8,64}$/i.test(digest) && found.size === 1) return whole;
    const problem = !/^[0-9a-f]{8,64}$/i.test(digest)
      ? "it is no digest; give 8 hexadecimal digits or more of one"
      : found.size > 1
      ? "several images begin with it; give more digits"
      : "neither memory nor exam holds such an image";
    throw new InputError(`Cannot forget image ${digest}: ${problem}`);
  }

  async #answering(images: number): Promise<Predictor> {
    if (this.#predictor) return this.#predictor.predictor;
    const gpu = await this.#host.openGpu();
    const predictor = new Predictor(gpu, this.#generation as Knowledge, images);
    this.#predictor = { gpu, predictor };
    return predictor;
  }
}

async function dreamSetOf(
  { from, images }: NonNullable<NewLearner["dreams"]>,
): Promise<DreamSet> {
  const digest = await digestOfImageSet(images);
  return { from, digest, classes: images.classNames.length, images: images.count };
}

function checkPixels(pixels: Uint8Array, size: number, from: string): void {
  if (pixels.length === size * size * 3) return;
  throw new InputError(
    `Cannot use ${
      from || "an image"
    }: it has ${pixels.length} bytes, and the learner sees RGB images of ${size} x ` +
      `${size} pixels (${size * size * 3} bytes); resize it first`,
  );
}

/** @throws {InputError} for a name that is empty, or looks like another. */
function checkName(name: string, names: ReadonlySet<string>): void {
  if (name.trim() === "") {
    throw new InputError("Cannot learn images without a name: their class is empty; name it");
  }
  if (names.has(name)) return;
  const [alike] = lookAlikes(name, names);
  if (alike === undefined) return;
  throw new InputError(
    `Cannot learn ${name}: it looks like the class ${alike} and is spelt differently; use the one name, or another ` +
      "that can be told apart",
  );
}

function encode(plan: KeptPlan): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(plan) + "\n");
}

/** `is generation 3`, `are generations 3 and 4` */
function are(generations: readonly number[]): string {
  const several = generations.length > 1;
  return `${several ? "are generations" : "is generation"} ${generations.join(" and ")}`;
}
