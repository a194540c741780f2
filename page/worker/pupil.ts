import {
  ContinualLearner,
  copyDay,
  dayBundles,
  forkLearner,
  type Gpu,
  type LearnerHost,
  type LearnerSettings,
  type LearnerStore,
  MemoryLearnerStore,
  type NewLearner,
  type NightOutcome,
  openGpu,
  packLearner,
  type Prediction,
  type SeenPicture,
} from "../../src/core.ts";
import type { GivenPicture, News, Place, Seen, Taught, View, Who } from "../messages.ts";
import { drawDreams } from "./drawn.ts";
import { readPicture } from "./read_picture.ts";
import { viewOf } from "./view.ts";

/** How often work that lost its device is begun again. */
const MOST_RESTARTS = 3;

/** Milliseconds between two looks at the pictures of one kind that a night learns from. */
const LOOK_EVERY = 250;

/** Stores of a learner and of its twin. */
export interface Home {
  readonly place: Place;
  readonly learner: LearnerStore;
  readonly twin: LearnerStore;
}

/** What a pupil tells of while it works, and whether it is to stop. */
export interface PupilHooks {
  readonly tell: (news: News) => void;
  readonly shouldStop: () => boolean;
}

/**
 * A learner with its twin: the same network at the same start, taught the same images on the same days, which is only
 * fine-tuned on each. What the twin has forgotten is what the learner would have forgotten without sleep and memory.
 */
export class Pupil {
  readonly #home: Home;
  readonly #hooks: PupilHooks;
  readonly #learner: ContinualLearner;
  readonly #twin: ContinualLearner;

  private constructor(
    home: Home,
    hooks: PupilHooks,
    learner: ContinualLearner,
    twin: ContinualLearner,
  ) {
    this.#home = home;
    this.#hooks = hooks;
    this.#learner = learner;
    this.#twin = twin;
  }

  /** Makes a learner in an empty home. */
  static async create(home: Home, wanted: NewLearner, hooks: PupilHooks): Promise<Pupil> {
    await ContinualLearner.create(home.learner, wanted, hostOf("learner", hooks));
    return await Pupil.open(home, hooks);
  }

  /** Opens the learner of a home; one without a twin is given one as it is now. */
  static async open(home: Home, hooks: PupilHooks): Promise<Pupil> {
    const learner = await ContinualLearner.open(home.learner, hostOf("learner", hooks));
    if ((await home.twin.names("generations")).length === 0) {
      await forkLearner(home.learner, home.twin, twinSettings(learner.state.settings));
    }
    const twin = await ContinualLearner.open(home.twin, hostOf("twin", hooks));
    return new Pupil(home, hooks, learner, twin);
  }

  get place(): Place {
    return this.#home.place;
  }

  get size(): number {
    return this.#learner.state.settings.size;
  }

  async view(): Promise<View> {
    return await viewOf(this.place, this.#learner, this.#twin);
  }

  /** Keeps pictures of a class for the next night. */
  async teach(name: string, pictures: readonly GivenPicture[]): Promise<Taught> {
    const read: { pixels: Uint8Array<ArrayBuffer>; from: string }[] = [];
    const failed: string[] = [];
    for (const picture of pictures) {
      try {
        read.push({ pixels: await readPicture(picture, this.size), from: picture.from });
      } catch (error) {
        failed.push((error as Error).message);
      }
    }
    const { digests, known } = await this.#learner.observeAll(
      read.map(({ pixels, from }) => ({ pixels, from, label: name })),
    );
    return { kept: digests.length, known, failed, view: await this.view() };
  }

  /**
   * Spends a night, and its twin's behind it; goes on with what was interrupted. Where only the twin's was, there is
   * nothing else to do.
   */
  async sleep(accept: boolean): Promise<NightOutcome> {
    const { night, day } = await this.#learner.waiting();
    // A twin that was cut off has its night first: its day is the learner's day before.
    const last = await this.#followUp();
    if (last !== null && !night && day.size === 0) return last;
    if (!night && day.size > 0) await copyDay(this.#home.learner, this.#home.twin);
    const outcome = await this.#again(() => this.#learner.sleep({ accept }));
    if (outcome.kind === "kept") {
      this.#hooks.tell({ kind: "view", view: await this.view() });
      await this.#followUp();
    }
    return outcome;
  }

  /** Takes the night that was refused. */
  async accept(): Promise<void> {
    await this.#learner.accept();
    await this.#followUp();
  }

  async discard(): Promise<void> {
    await this.#learner.discard();
    await this.#twin.discard();
  }

  async forget(name: string): Promise<void> {
    // The twin first: what is cut off between the two is still shown, and can be forgotten again.
    for (const one of [this.#twin, this.#learner]) {
      const { day } = await one.waiting();
      const knows = one.state.classes.some((known) => known.name === name) || day.has(name);
      if (knows) await one.forget({ classes: [name] });
    }
  }

  /** What both see in a picture. */
  async predict(given: GivenPicture): Promise<Seen> {
    const pixels = await readPicture(given, this.size);
    const [learner] = await this.#asked(this.#learner, pixels);
    const knows = this.#twin.state.classes.length > 0;
    const [twin] = knows ? await this.#asked(this.#twin, pixels) : [null];
    return { learner, twin, pixels };
  }

  /** The learner as a file. */
  async pack(): Promise<Uint8Array<ArrayBuffer>> {
    return await packLearner(this.#home.learner);
  }

  close(): void {
    this.#learner.close();
    this.#twin.close();
  }

  /** The night that the twin has not had yet, if there is one. */
  async #followUp(): Promise<NightOutcome | null> {
    const { taken } = this.#learner.state;
    const days = await dayBundles(this.#home.twin);
    const isBehind = this.#twin.state.taken < taken && days.some(({ number }) => number <= taken);
    if (!isBehind) return null;
    const outcome = await this.#again(() => this.#twin.sleep({ accept: true }));
    this.#hooks.tell({ kind: "view", view: await this.view() });
    return outcome;
  }

  async #asked(
    learner: ContinualLearner,
    pixels: Uint8Array<ArrayBuffer>,
  ): Promise<Prediction[]> {
    return await this.#again(() => learner.predict([pixels]));
  }

  /** Does it again, with another device, where the device is lost. */
  async #again<T>(work: () => Promise<T>): Promise<T> {
    for (let restarts = 0;; restarts++) {
      try {
        return await work();
      } catch (error) {
        if ((error as Error).name !== "DeviceError" || restarts === MOST_RESTARTS) throw error;
        this.close();
        console.warn(error);
        const text = "The GPU device was lost: going on with another";
        this.#hooks.tell({ kind: "event", who: "learner", event: { type: "message", text } });
      }
    }
  }
}

/** An empty home that is gone with the page. */
export function passingHome(): Home {
  return { place: "demo", learner: new MemoryLearnerStore(), twin: new MemoryLearnerStore() };
}

/** The same learner, fine-tuned on each day: as many passes over it, no memory, no sleep. */
function twinSettings({ changed }: LearnerSettings): Pick<LearnerSettings, "changed" | "margin"> {
  const others = changed.filter(({ path }) =>
    !/^(method$|calibration$|wscl\.|freezing\.)/.test(path)
  );
  return {
    margin: 100,
    changed: [...others, { path: "method", value: "finetune" }, { path: "calibration", value: 0 }],
  };
}

/** The device that all share: what is compiled for one night serves the next, the twin and the answers. */
class SharedDevice {
  #gpu: Promise<Gpu> | null = null;

  async open(): Promise<Gpu> {
    this.#gpu ??= this.#openNew();
    return (await this.#gpu).share();
  }

  async #openNew(): Promise<Gpu> {
    try {
      const gpu = await openGpu();
      gpu.device.lost.then(() => this.#gpu = null);
      return gpu;
    } catch (error) {
      this.#gpu = null;
      throw error;
    }
  }
}

const device = new SharedDevice();

function hostOf(who: Who, { tell, shouldStop }: PupilHooks): LearnerHost {
  const looked = new Map<SeenPicture["as"], number>();
  return {
    openGpu: () => device.open(),
    openDreams: ({ classes }, size) => Promise.resolve(drawDreams(classes, size)),
    checkpointEvery: { seconds: 20 },
    goOnWith: "the button that lets it sleep",
    deadline: null,
    now: () => performance.timeOrigin + performance.now(),
    shouldStop,
    emit: (event) => tell({ kind: "event", who, event }),
    watch: {
      losses: (losses) => tell({ kind: "losses", who, losses }),
      step(look) {
        if (who === "twin") return;
        // Some twenty steps are made ready at once, and then waited for: each kind has a time of its own.
        const now = performance.now();
        const isDue = ({ as }: SeenPicture) => now - (looked.get(as) ?? -Infinity) >= LOOK_EVERY;
        const pictures = look().filter(isDue);
        if (pictures.length === 0) return;
        for (const { as } of pictures) looked.set(as, now);
        tell({ kind: "pictures", pictures });
      },
    },
  };
}
