import { ContinualLearner, type HeldPictures } from "../continual/continual_learner.ts";
import { LEAST_OF_NEW } from "../continual/division.ts";
import { readKnowledge } from "../continual/generation.ts";
import { KnownImages } from "../continual/given.ts";
import type { Picture } from "../continual/pictures.ts";
import type { DatedRecord } from "../continual/record.ts";
import type { KnownClass, LearnerState } from "../continual/state.ts";
import { sha256 } from "../digest.ts";
import { InputError } from "../errors.ts";
import { LearnerFolder } from "../host/learner_folder.ts";
import { learnerHost, type LearnerSafety } from "../host/learner_host.ts";
import type { AskedNight, Backlog } from "./backlog.ts";
import { Problem } from "./problem.ts";

/** What is known of an episode. */
export interface EpisodeAnswer {
  /** SHA-256 of its pixels, as the learner sees them. */
  readonly digest: string;
  readonly label: string;
  /**
   * `waiting`: for the next night; `night`: for the one that is asked for, or going on; `remembered`, `exam`: learned,
   * and held as such; `learned`: its pixels are not held any more; `changing`: to be forgotten or renamed when the night has ended.
   */
  readonly status: "waiting" | "night" | "remembered" | "exam" | "learned" | "changing";
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

/** Something that is on its way to the backlog's disk, and counts as known there until it has failed. */
export interface Arriving {
  readonly digest: string;
  /** The name that it has or gets; null: it goes. */
  readonly label: string | null;
  /** Whether it is one episode more. */
  readonly isNew: boolean;
  /** Settles when it is there, or has failed. */
  readonly written: Promise<unknown>;
}

/** The learner of a service, and what is known of the pictures that it holds or that wait for it. */
export class ServedLearner {
  /** Its folder. */
  readonly store: LearnerFolder;
  /** The learner itself; another one when it was opened again. */
  learner: ContinualLearner;
  /** What is known and may be learned, by it and the backlog. */
  known!: KnownImages;
  /** What is on its way to the backlog, by digest; set by whoever writes it. */
  readonly arriving = new Map<string, Arriving>();
  /** Images of each class that wait with the learner. */
  dayCounts = new Map<string, number>();
  /** Its history, oldest first. */
  nights: DatedRecord[] = [];
  /** Whether a night was refused, and waits. */
  isRefused = false;
  /** Whether the worker of a night is at it, and writes to it; set by whoever starts one. */
  hasNightWorker = false;
  /** Whether such a worker may have written to it since it was opened; set by whoever starts one. */
  isBehind = false;
  readonly #safety: LearnerSafety;
  readonly #backlog: Backlog;
  /** What the learner itself holds, by digest. */
  #held = new Map<string, EpisodeAnswer>();
  #atDusk: HeldPictures | null = null;
  #model: { readonly of: string; readonly tag: string } | null = null;

  private constructor(
    store: LearnerFolder,
    learner: ContinualLearner,
    safety: LearnerSafety,
    backlog: Backlog,
  ) {
    this.store = store;
    this.learner = learner;
    this.#safety = safety;
    this.#backlog = backlog;
  }

  /** Opens a learner's folder; what was interrupted there is finished. @throws {InputError} */
  static async open(
    { learner: path, safety }: { readonly learner: string; readonly safety: LearnerSafety },
    backlog: Backlog,
  ): Promise<ServedLearner> {
    const store = new LearnerFolder(path);
    const served = new ServedLearner(store, await openLearner(store, safety), safety, backlog);
    await served.refresh();
    return served;
  }

  /** Of its last generation. */
  get state(): LearnerState {
    return this.learner.state;
  }

  /** What is known of an episode; null: nothing, as where it was learned and is not remembered any more. */
  episode(digest: string): EpisodeAnswer | null {
    const changing = this.#backlog.change(digest) !== null;
    const held = this.#held.get(digest);
    if (held) return changing ? { ...held, status: "changing" } : held;
    const waiting = this.#backlog.find(digest);
    if (!waiting) return null;
    const { label, night } = waiting;
    return { digest, label, status: changing ? "changing" : night === null ? "waiting" : "night" };
  }

  /** Whether a picture is new. @throws {Problem} where it cannot be learned under its name. */
  look({ digest, label }: Picture): boolean {
    const other = this.known.labelOf(digest);
    if (other !== undefined && other !== label) {
      throw new Problem(
        409,
        `Cannot keep the episode as ${label}: the image is known as ${other}; rename it (PATCH /v1/episodes/${digest})`,
      );
    }
    if (other !== undefined) return false;
    this.checkLabel(label);
    return true;
  }

  /** @throws {Problem} where nothing can be learned under this name. */
  checkLabel(label: string): void {
    try {
      this.known.checkLabel(label);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new Problem(422, error.message);
    }
  }

  /** A picture that the learner holds, or that waits; of a learner that sleeps, as it was at dusk. */
  async pictureOf(digest: string): Promise<Picture | null> {
    const { memory, exam, day } = await this.#pictures();
    const held = [...day, ...memory, ...exam].find((one) => one.digest === digest);
    return held ?? this.#backlog.picture(digest);
  }

  /** Reads anew what is known, after the learner has changed. */
  async refresh(): Promise<void> {
    const { memory, exam, trained, day } = await this.#pictures();
    const held = (
      pictures: readonly Pick<Picture, "digest" | "label">[],
      status: EpisodeAnswer["status"],
    ) => pictures.map(({ digest, label }) => [digest, { digest, label, status }] as const);
    this.#held = new Map([
      ...held(trained, "learned"),
      ...held(day, "night"),
      ...held(memory, "remembered"),
      ...held(exam, "exam"),
    ]);
    this.dayCounts = countsOf(day);
    this.know();
    this.nights = await this.learner.nights();
    this.isRefused = (await this.store.names("refused")).length > 0;
  }

  /** Brings together what is known, after the backlog alone has changed. What is on its way there is known, too. */
  know(): void {
    const { settings: { size, maxClasses }, classes } = this.learner.state;
    const waiting = this.#backlog.waiting();
    const arriving = [...this.arriving.values()]
      .flatMap(({ digest, label }) => label === null ? [] : [{ digest, label }]);
    const names = [
      ...classes.map(({ name }) => name),
      ...this.dayCounts.keys(),
      ...[...waiting, ...arriving].map(({ label }) => label),
      // What is to be renamed later has its place already.
      ...this.#backlog.newLabels(),
    ];
    const pictures = [...this.#held.values(), ...waiting, ...arriving];
    this.known = new KnownImages({ size, maxClasses, pictures, names });
  }

  /** What the learner has of pictures; while a night goes on, which it is writing, as it was at dusk. */
  async #pictures(): Promise<HeldPictures> {
    if (!this.hasNightWorker || !this.#atDusk) this.#atDusk = await this.learner.pictures();
    return this.#atDusk;
  }

  /** Nights that have come to their end, kept or refused; the history has other lines, too. */
  get spent(): DatedRecord[] {
    return this.nights.filter(({ accepted, lost }) => !accepted && !lost);
  }

  /** Whether a night that was handed over has come to its end. */
  isSpent({ nightsBefore }: Pick<AskedNight, "nightsBefore">): boolean {
    return this.spent.length > nightsBefore;
  }

  /** Opens it again, after somebody else has written to it. */
  async reopen(): Promise<void> {
    this.learner.close();
    this.#model = null;
    this.learner = await openLearner(this.store, this.#safety);
    await this.refresh();
    this.isBehind = false;
  }

  /**
   * Opens it again if a night's worker may have written to it, to be called before anything is made of what it is: a
   * dawn that failed may have left a new generation, of which an older keeper would say that it was lost.
   */
  async catchUp(): Promise<void> {
    if (this.isBehind) await this.reopen();
  }

  /** Images of each class that wait, with the learner or the service. */
  waitingCounts(): Map<string, number> {
    const counts = new Map(this.dayCounts);
    for (const { digest, label } of this.#backlog.waiting()) {
      // One that the learner has as well, as where a hand-over was cut, is no second one.
      if (!this.#held.has(digest)) counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    return counts;
  }

  /**
   * Digests that a night can take, how many images it finds with the learner, as where somebody else was interrupted,
   * and how many images of each class have to wait: of a new one that are too few, or that the learner would refuse, as
   * where somebody else has taught it since.
   */
  learnable(): {
    readonly taken: string[];
    readonly day: number;
    readonly held: Map<string, number>;
  } {
    const { settings: { size, maxClasses }, classes } = this.state;
    const few = this.tooFew(this.waitingCounts());
    const waiting = this.#backlog.waiting();
    const settled = waiting.filter(({ night }) => night !== null);
    const names = [...classes, ...settled.map(nameOf)].map(({ name }) => name);
    const own = new KnownImages({
      ...{ size, maxClasses, pictures: [] },
      names: [...names, ...this.dayCounts.keys()],
    });
    const free = Map.groupBy(waiting.filter(({ night }) => night === null), ({ label }) => label);
    const taken = [...free].flatMap(([label, episodes]) => {
      const fit = episodes.filter(({ digest }) =>
        (this.#held.get(digest)?.label ?? label) === label
      );
      return fit.length > 0 && !few.has(label) && takesName(own, fit[0]) ? fit : [];
    });
    const takes = new Set(taken);
    const held = countsOf([...free.values()].flat().filter((episode) => !takes.has(episode)));
    let day = 0;
    for (const [label, count] of this.dayCounts) {
      if (few.has(label)) held.set(label, few.get(label)!);
      else day += count;
    }
    return { taken: taken.map(({ digest }) => digest), day, held };
  }

  /** Of counts of images by class, those of new classes that are too few to be learned. */
  tooFew(counts: ReadonlyMap<string, number>): Map<string, number> {
    const taught = new Set(
      this.state.classes.filter(({ taught }) => taught > 0).map(({ name }) => name),
    );
    return new Map(
      [...counts].filter(([name, count]) => !taught.has(name) && count < LEAST_OF_NEW),
    );
  }

  /** The classes that it knows, in the order in which it met them, and what waits of each. */
  classes(): ClassAnswer[] {
    const { classes } = this.state;
    const waiting = this.waitingCounts();
    const names = new Set([...classes.map(({ name }) => name), ...waiting.keys()]);
    const known = new Map(classes.map((one) => [one.name, one]));
    return [...names].map((name) => {
      const { taught = 0, remembered = 0, exam = null } = known.get(name) ?? {};
      return {
        name,
        known: known.has(name),
        taught,
        remembered,
        exam,
        waiting: waiting.get(name) ?? 0,
      };
    });
  }

  /** Of the last generation: another name, another content. */
  async #lastName(): Promise<string> {
    return (await this.store.names("generations")).at(-1) ?? "";
  }

  /** The weights of the last generation, as safetensors, and a tag that changes with them. */
  async model(): Promise<
    { readonly generation: number; readonly tag: string; readonly bytes: Uint8Array<ArrayBuffer> }
  > {
    for (;;) {
      const of = await this.#lastName();
      const { state: { generation }, model } = await readKnowledge(this.store, () => {});
      if (await this.#lastName() !== of) continue; // a dawn came between
      if (this.#model?.of !== of) this.#model = { of, tag: `"${await sha256(model)}"` };
      return { generation, tag: this.#model.tag, bytes: model };
    }
  }
}

async function openLearner(store: LearnerFolder, safety: LearnerSafety): Promise<ContinualLearner> {
  const learner = await ContinualLearner.open(store, learnerHost(safety));
  await learner.waiting(); // what was interrupted is finished
  return learner;
}

/** Whether there is room for the class of an episode, which it has from now on. */
function takesName(known: KnownImages, episode: Pick<Picture, "digest" | "label">): boolean {
  try {
    known.checkLabel(episode.label);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return false;
  }
  known.add(episode);
  return true;
}

function nameOf({ label }: { readonly label: string }): { readonly name: string } {
  return { name: label };
}

/** How many there are of each class. */
export function countsOf(items: readonly { readonly label: string }[]): Map<string, number> {
  const groups = Map.groupBy(items, ({ label }) => label);
  return new Map([...groups].map(([label, { length }]) => [label, length]));
}
