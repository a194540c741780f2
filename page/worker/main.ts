import { copyStore, type NewLearner, packLearner, unpackLearner } from "../../src/core.ts";
import type {
  FromWorker,
  News,
  Place,
  RequestName,
  Requests,
  ToWorker,
  View,
  Wishes,
} from "../messages.ts";
import { DatabaseStore } from "./database_store.ts";
import { drawDreams, drawFigures } from "./drawn.ts";
import { type Home, passingHome, Pupil, type PupilHooks } from "./pupil.ts";

// The worker owns learner and device, so that the page never waits for the GPU.

const post = (message: FromWorker) => self.postMessage(message);
const tell = (news: News) => post({ news });

let stopping = false;
let pupil: Pupil | null = null;
let home: Home | null = null;
const hooks: PupilHooks = { tell, shouldStop: () => stopping };

type Work = { [N in RequestName]: (asked: Requests[N]["asked"]) => Promise<Requests[N]["answer"]> };

const work: Work = {
  async open({ place }) {
    const at = await homeOf(place);
    if ((await at.learner.names("generations")).length === 0) return null;
    return await moveIn(await Pupil.open(at, hooks));
  },
  async create({ place, wishes }) {
    const at = await homeOf(place);
    await empty(at);
    return await moveIn(await Pupil.create(at, await newLearner(wishes), hooks));
  },
  teach: ({ name, pictures }) => here().teach(name, pictures),
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
  save: () => packLearner(home!.learner),
  async load({ file, name }) {
    const from = await unpackLearner(new Uint8Array(await file.arrayBuffer()), name);
    const at = await homeOf("kept");
    await empty(at);
    await copyStore(from, at.learner);
    return await moveIn(await Pupil.open(at, hooks));
  },
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
  pupil?.close();
  pupil = next;
  return await next.view();
}

let kept: Home | null = null;

async function homeOf(place: Place): Promise<Home> {
  if (place === "demo") return home = passingHome();
  if (kept === null) {
    await haveAlone();
    kept = {
      place: "kept",
      learner: await DatabaseStore.open("wscl learner"),
      twin: await DatabaseStore.open("wscl twin"),
    };
  }
  return home = kept;
}

async function empty(home: Home): Promise<void> {
  pupil?.close();
  pupil = null;
  for (const store of [home.learner, home.twin]) {
    if (store instanceof DatabaseStore) await store.clear();
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
  const response = await fetch(new URL("start.safetensors", self.name));
  if (!response.ok) {
    throw new Error(
      `Cannot begin from the small start: the server answered ${response.status}; try again, or begin from nothing`,
    );
  }
  return await response.bytes();
}
