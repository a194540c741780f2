import { copyStore, InputError, type NewLearner, unpackLearner } from "../../src/core.ts";
import type {
  FromWorker,
  InTheWay,
  News,
  RequestName,
  Requests,
  ToWorker,
  View,
  Wishes,
} from "../messages.ts";
import { drawDreams, drawFigures } from "./drawn.ts";
import { KeptHomes } from "./kept_homes.ts";
import { type Home, passingHome, Pupil, type PupilHooks } from "./pupil.ts";

// The worker owns learner and device, so that the page never waits for the GPU.

const post = (message: FromWorker) => self.postMessage(message);
const tell = (news: News) => post({ news });

let stopping = false;
let pupil: Pupil | null = null;
const hooks: PupilHooks = { tell, shouldStop: () => stopping };

type Work = { [N in RequestName]: (asked: Requests[N]["asked"]) => Promise<Requests[N]["answer"]> };

const work: Work = {
  async open() {
    const homes = await keptHomes();
    if (!await homes.isEmpty()) return await moveIn(await Pupil.open(homes.home, hooks));
    moveOut();
    return null;
  },
  async begin({ wishes }) {
    return await work.open({}) ?? await keep(await creation(wishes));
  },
  async create({ wishes, sure }) {
    return (sure ? null : await inTheWay()) ?? await keep(await creation(wishes));
  },
  async load({ file, name, sure }) {
    const obstacle = sure ? null : await inTheWay();
    if (obstacle) return obstacle;
    const from = await unpackLearner(new Uint8Array(await file.arrayBuffer()), name);
    return await keep(async (home) => {
      await copyStore(from, home.learner);
      return await Pupil.open(home, hooks);
    });
  },
  async demo({ wishes }) {
    const make = await creation(wishes);
    return await moveIn(await make(passingHome()));
  },
  teach({ place, name, pictures }) {
    // A demo that is being left must not teach the learner that is kept, nor a visitor one that is soon gone.
    if (here().place !== place) {
      throw new Error("Cannot teach this: another learner has come meanwhile; try again");
    }
    return here().teach(name, pictures);
  },
  async sleep({ accept }) {
    stopping = false;
    return await here().sleep(accept);
  },
  look: () => here().view(),
  async accept() {
    stopping = false;
    await here().accept();
    return await here().view();
  },
  async discard() {
    await here().discard();
    return await here().view();
  },
  async forget({ name }) {
    await here().forget(name);
    return await here().view();
  },
  predict: (picture) => here().predict(picture),
  save: () => here().pack(),
  draw: ({ name, count, part }) => Promise.resolve(drawFigures(name, count, part, here().size)),
};

/** Requests that may be answered while another one is worked on: they change nothing. */
const ASKING: readonly RequestName[] = ["predict", "draw"];

/** The end of the last request that changes something. */
let before: Promise<unknown> = Promise.resolve();

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  if (data.name === "stop") {
    stopping = true;
    return;
  }
  const { id, name, asked } = data;
  const start = () => (work[name] as (asked: unknown) => Promise<unknown>)(asked);
  const done = ASKING.includes(name) ? start() : before = before.then(start, start);
  try {
    post({ id, answer: await done });
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    console.error(error);
    post({ id, error: { name: error.name, message: error.message } });
  }
};

function here(): Pupil {
  if (pupil === null) throw new Error("Cannot do this: there is no learner yet; make one first");
  return pupil;
}

async function moveIn(next: Pupil): Promise<View> {
  moveOut();
  pupil = next;
  return await next.view();
}

function moveOut(): void {
  pupil?.close();
  pupil = null;
}

let alone: Promise<void> | null = null;
let kept: KeptHomes | null = null;

async function keptHomes(): Promise<KeptHomes> {
  // Once only: a lock that this tab has already is never free for it again.
  await (alone ??= haveAlone());
  return kept ??= await KeptHomes.open();
}

/** Keeps another learner, in the place of the one that is kept, which stays where this fails. */
async function keep(settle: (home: Home) => Promise<Pupil>): Promise<View> {
  const homes = await keptHomes();
  return await moveIn(await homes.replace(settle));
}

/** The kept learner, if it was taught anything that would be lost. */
async function inTheWay(): Promise<InTheWay | null> {
  const homes = await keptHomes();
  if (await homes.isEmpty()) return null;
  try {
    const old = pupil?.place === "kept" ? pupil : await Pupil.open(homes.home, hooks);
    const { classes } = await old.view();
    return classes.length > 0 ? { inTheWay: classes.map(({ name }) => name) } : null;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { inTheWay: [] }; // it is damaged, which must not keep another one from being made
  }
}

/** Two tabs must not change one learner: the second waits until the first is closed. */
async function haveAlone(): Promise<void> {
  const name = "wscl learner";
  const hold = (lock: Lock | null, got: (isMine: boolean) => void) => {
    got(lock !== null);
    return lock === null ? Promise.resolve() : new Promise<void>(() => {}); // until this worker ends
  };
  const isFree = await new Promise<boolean>((got) => {
    navigator.locks.request(name, { ifAvailable: true }, (lock) => hold(lock, got));
  });
  if (isFree) return;
  tell({ kind: "elsewhere" });
  await new Promise<boolean>((got) => {
    navigator.locks.request(name, (lock) => hold(lock, got));
  });
}

/** What makes a learner in an empty home; all that it needs is fetched before. */
async function creation(wishes: Wishes): Promise<(home: Home) => Promise<Pupil>> {
  const wanted = await newLearner(wishes);
  return (home) => Pupil.create(home, wanted, hooks);
}

async function newLearner({ start, drawnDreams, ...settings }: Wishes): Promise<NewLearner> {
  const size = settings.size ?? 64;
  return {
    settings,
    start: start ? { bytes: await smallStart(), name: "the small start" } : null,
    dreams: drawnDreams ? { from: "drawn figures", images: drawDreams(drawnDreams, size) } : null,
  };
}

async function smallStart(): Promise<Uint8Array<ArrayBuffer>> {
  // The worker was made from a text, so addresses are told from the page's.
  const response = await fetch(new URL("start.safetensors", self.name)).catch(() => null);
  if (!response?.ok) {
    const found = response
      ? `the server answered ${response.status}`
      : "the server cannot be reached";
    throw new Error(
      `Cannot begin from the small start: ${found}; try again, or begin from nothing (Begin anew)`,
    );
  }
  return await response.bytes();
}
