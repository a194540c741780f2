import { InputError } from "../errors.ts";
import { parseJson } from "../experiment/json.ts";
import { parseBundleName } from "./bundle_name.ts";
import { dayBundles, endDay, readDay } from "./day.ts";
import { finishForgetting } from "./forgetting.ts";
import {
  type Generation,
  generationFiles,
  generationName,
  readGeneration,
  readLast,
} from "./generation.ts";
import type { Picture } from "./pictures.ts";
import { type DatedRecord, type NightRecord, parseHistory, standingNights } from "./record.ts";
import type { LearnerStore, Shelf } from "./store.ts";

/** What is kept of a night before it begins: all that is not in generation and day. */
export interface KeptPlan {
  /** Name of the generation at dusk. */
  readonly base: string;
  /** The last bundle of the day that it takes. */
  readonly taken: number;
  /** Nights from the same dusk whose dawn was refused. */
  readonly attempt: number;
}

const PLAN = "plan.json";

/** Keeps a learner in its store: the last generation, the day, the night that goes on, the one that was refused. */
export class Keeper {
  readonly store: LearnerStore;
  readonly #now: () => number;
  readonly #warn: (text: string) => void;
  #name: string;
  #generation: Generation;
  #historyIsTold = false;
  /** Of the day's bundles: a night takes all up to a number, and must take none that comes later. */
  #highest = 0;
  /** Generations that were not whole when this one was read. */
  #passedOver: readonly string[];

  private constructor(
    store: LearnerStore,
    { now, warn }: KeeperHooks,
    name: string,
    generation: Generation,
    passedOver: readonly string[],
  ) {
    this.store = store;
    this.#now = now;
    this.#warn = warn;
    this.#name = name;
    this.#generation = generation;
    this.#passedOver = passedOver;
  }

  /** Keeps the first generation of a learner in an empty store. */
  static async begin(
    store: LearnerStore,
    generation: Generation,
    hooks: KeeperHooks,
  ): Promise<Keeper> {
    const name = generationName(generation.state.generation);
    await store.write("generations", name, generationFiles(generation));
    return new Keeper(store, hooks, name, generation, []);
  }

  /** @throws {InputError} where there is no learner, or none of its generations is whole. */
  static async open(store: LearnerStore, hooks: KeeperHooks): Promise<Keeper> {
    const { name, found, passedOver } = await readLast(
      store,
      (name) => readGeneration(store, name),
      hooks.warn,
    );
    return new Keeper(store, hooks, name, found, passedOver);
  }

  /** The last one. */
  get generation(): Generation {
    return this.#generation;
  }

  /** Those before it that are kept and whole. */
  async earlier(): Promise<Generation[]> {
    const found: Generation[] = [];
    for (const name of await this.store.names("generations")) {
      if (name === this.#name) continue;
      try {
        found.push(await readGeneration(this.store, name));
      } catch (error) {
        if (!(error instanceof InputError)) throw error; // a damaged one is removed where it matters
      }
    }
    return found;
  }

  /**
   * Finishes what was interrupted between two calls, so that all is as after the last one that came to its end; called
   * before anything is changed.
   */
  async recover(): Promise<void> {
    if (await finishForgetting(this.store, this.#warn)) {
      const { name, found, passedOver } = await readLast(
        this.store,
        (name) => readGeneration(this.store, name),
        this.#warn,
      );
      this.#name = name;
      this.#generation = found;
      this.#passedOver = passedOver;
    }
    for (const name of this.#passedOver) await this.#setAsideGeneration(name);
    this.#passedOver = [];
    const { state } = this.#generation;
    await this.#completeHistory();
    if (await this.pendingPlan() === null) await this.endNight();
    const refused = await this.refused();
    // Its dawn was accepted and cut, or there is another night's in its place.
    const isOvertaken = refused !== null && parseBundleName(refused).number <= state.generation;
    if (isOvertaken) await this.dropRefused();
    await endDay(this.store, state.taken);
  }

  /** What waits, in the order in which it came; of the night's own plan, what it takes. */
  async day(until = Infinity): Promise<Picture[]> {
    const { settings: { size }, taken: after } = this.#generation.state;
    const damaged = async (name: string, problem: string) => {
      await this.#setAside("day", name, problem);
      // A night that was to learn it is another night.
      await this.endNight();
    };
    return await readDay(this.store, size, { after, until, damaged });
  }

  /** For the next bundle of the day: higher than any before. */
  async nextNumber(): Promise<number> {
    const plan = await this.pendingPlan();
    return Math.max(plan?.taken ?? 0, await this.#lastNumber()) + 1;
  }

  /** The highest number of the day's bundles so far, those included that were damaged and are not there any more. */
  async #lastNumber(): Promise<number> {
    const numbers = (await dayBundles(this.store)).map(({ number }) => number);
    return this.#highest = Math.max(this.#highest, this.#generation.state.taken, ...numbers);
  }

  /** The night that was interrupted; null where there is none, or what it was to learn has changed. */
  async pendingPlan(): Promise<KeptPlan | null> {
    const [name] = await this.store.names("night");
    if (name === undefined) return null;
    try {
      const plan = await this.#readPlan("night", name);
      return plan.base === this.#name ? plan : null;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return null; // it was cut while it was written, before the night began
    }
  }

  /** Settles a night with all that waits; one behind a refused one takes its place. */
  async newPlan(): Promise<KeptPlan> {
    const taken = await this.#lastNumber();
    const refused = await this.refused();
    const attempt = refused === null ? 0 : await this.#attemptOf(refused) + 1;
    const plan: KeptPlan = { base: this.#name, taken, attempt };
    await this.store.write("night", "1", { [PLAN]: encode(plan) });
    await this.dropRefused();
    return plan;
  }

  /** Name of the night whose dawn was refused; null: none was. */
  async refused(): Promise<string | null> {
    return (await this.store.names("refused"))[0] ?? null;
  }

  async dropRefused(): Promise<void> {
    for (const name of await this.store.names("refused")) {
      await this.store.remove("refused", name);
    }
  }

  /** Puts what a night has made aside: the learner stays as it was, and the day waits. */
  async refuse(generation: Generation, plan: KeptPlan, seconds: number): Promise<void> {
    const name = generationName(generation.state.generation);
    const files = { ...generationFiles(generation), [PLAN]: encode(plan) };
    await this.store.write("refused", name, files);
    await this.#log(generation.record!, seconds);
    await this.endNight();
  }

  /**
   * Makes what a night has made the last generation, and ends night and day.
   *
   * @param options.accepted it had been refused, and is in the history already
   */
  async keep(
    generation: Generation,
    seconds: number,
    { accepted = false }: { readonly accepted?: boolean } = {},
  ): Promise<void> {
    await this.write(generation);
    await this.#log(generation.record!, seconds, accepted ? { accepted } : {});
    await this.endNight();
    await this.dropRefused();
    await endDay(this.store, generation.state.taken);
  }

  /** Makes a generation the last one, and lets the oldest go. */
  async write(generation: Generation): Promise<void> {
    const { state: { generation: number, settings: { kept } } } = generation;
    const name = generationName(number);
    await this.store.write("generations", name, generationFiles(generation));
    this.#name = name;
    this.#generation = generation;
    const names = await this.store.names("generations");
    for (const old of names.slice(0, Math.max(0, names.length - kept))) {
      await this.store.remove("generations", old);
    }
  }

  /** Removes what a night leaves, finished or not; what was refused stays. */
  async endNight(): Promise<void> {
    for (const shelf of ["night", "checkpoints"] as const) {
      for (const name of await this.store.names(shelf)) await this.store.remove(shelf, name);
    }
  }

  async #readPlan(shelf: "night" | "refused", name: string): Promise<KeptPlan> {
    const { [PLAN]: bytes } = await this.store.read(shelf, name, [PLAN]);
    return parseJson(new TextDecoder().decode(bytes), PLAN) as KeptPlan;
  }

  /** Of a refused night; where that is damaged, as many as the history has of it. */
  async #attemptOf(refused: string): Promise<number> {
    try {
      return (await this.#readPlan("refused", refused)).attempt;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      const { generation } = this.#generation.state;
      const others = (await this.#records()).filter((record) =>
        record.generation === generation + 1 && !record.passed && !record.lost
      );
      return Math.max(0, others.length - 1);
    }
  }

  /** One that was read before it was whole is left where it is. */
  async #setAsideGeneration(name: string): Promise<void> {
    if (!(await this.store.names("generations")).includes(name)) return;
    try {
      await readGeneration(this.store, name);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      await this.#setAside("generations", name, error.message);
    }
  }

  /** Puts out of the way what is damaged, and says so. */
  async #setAside(shelf: Shelf, name: string, problem: string): Promise<void> {
    const place = await this.store.setAside?.(shelf, name);
    this.#warn(place === undefined ? problem : `${problem}; it is kept in ${place}`);
  }

  /**
   * Writes what the history lacks: a dawn that was cut before its line was written, and that a night is lost whose
   * generation was damaged.
   */
  async #completeHistory(): Promise<void> {
    const { state, record } = this.#generation;
    const standing = standingNights(await this.#records());
    for (const lost of standing.values()) {
      if (lost.generation <= state.generation) continue;
      const { seconds, accepted: _, ...night } = lost;
      await this.#log({ ...night, passed: false }, seconds, { lost: true });
    }
    const made = standing.get(state.generation);
    if (record?.generation === state.generation && made?.night !== record.night) {
      await this.#log(record, 0);
    }
  }

  async #records(): Promise<DatedRecord[]> {
    const warn = this.#historyIsTold ? () => {} : this.#warn;
    this.#historyIsTold = true;
    return parseHistory(await this.store.lines(), warn);
  }

  async #log(
    record: NightRecord,
    seconds: number,
    mark: Pick<DatedRecord, "accepted" | "lost"> = {},
  ): Promise<void> {
    const at = new Date(this.#now()).toISOString();
    const dated: DatedRecord = {
      ...{ ...record, at, seconds: Math.round(seconds * 10) / 10 },
      ...mark,
    };
    await this.store.append(JSON.stringify(dated));
  }
}

/** What a keeper needs of its surroundings. */
export interface KeeperHooks {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Told of what is passed over. */
  readonly warn: (text: string) => void;
}

function encode(plan: KeptPlan): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(plan) + "\n");
}
