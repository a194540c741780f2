import { InputError } from "../errors.ts";
import { parseJson } from "../experiment/json.ts";
import { BalancedReservoir } from "../images/balanced_reservoir.ts";
import { initialValues } from "../net/initialize.ts";
import { packState, stateTensors } from "../net/network_state.ts";
import { decodeSafetensors } from "../net/safetensors.ts";
import { Random } from "../random.ts";
import { nextRevision } from "./bundle_name.ts";
import { type Generation, generationFiles, readGeneration, readKnowledge } from "./generation.ts";
import { EPISODES, replaceInDay } from "./day.ts";
import { decodePictures, type Picture } from "./pictures.ts";
import { encodeModel, tableOf } from "./start.ts";
import type { KnownClass } from "./state.ts";
import type { LearnerStore, Shelf } from "./store.ts";

/** What is to be forgotten. */
export interface Forgetting {
  /** Names of classes. */
  readonly classes: readonly string[];
  /** SHA-256 of pixels. */
  readonly digests: readonly string[];
}

const INTENT = "forgetting.json";

/** Keeps what is to be forgotten, so that it will be, whatever happens meanwhile. */
export async function intend(store: LearnerStore, forgetting: Forgetting): Promise<void> {
  const text = JSON.stringify(forgetting) + "\n";
  await store.write("forgetting", "1", { [INTENT]: new TextEncoder().encode(text) });
}

/**
 * Forgets what was intended, if anything was: in every generation that is kept, in the day, and with it all that a
 * night, finished or not, had made of it. What is damaged goes, too: it cannot be shown to hold nothing of it. May be
 * interrupted anywhere and called again.
 *
 * @param warn told of what is damaged
 * @returns whether there was something to forget.
 */
export async function finishForgetting(
  store: LearnerStore,
  warn: (text: string) => void,
): Promise<boolean> {
  const [name] = await store.names("forgetting");
  if (name === undefined) return false;
  const forgetting = await readIntent(store, name, warn);
  if (forgetting === null) {
    await store.remove("forgetting", name);
    return false;
  }
  for (const shelf of ["checkpoints", "night", "refused"] as const) {
    for (const name of await store.names(shelf)) await store.remove(shelf, name);
  }
  if ((await store.clearAside?.() ?? 0) > 0) {
    warn("What was set aside, damaged, may hold what is to be forgotten, and is removed");
  }
  const { state: { settings: { size } } } = await readKnowledge(store, () => {});
  const attempt = async (shelf: Shelf, name: string, forget: () => Promise<void>) => {
    try {
      await forget();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      warn(`${error.message}; it may hold what is to be forgotten, and is removed`);
      await store.remove(shelf, name);
    }
  };
  for (const name of await store.names("day")) {
    await attempt("day", name, () => forgetInDay(store, name, forgetting, size));
  }
  for (const name of await store.names("generations")) {
    await attempt("generations", name, () => forgetInGeneration(store, name, forgetting));
  }
  await store.remove("forgetting", name);
  return true;
}

/** Null where it is damaged, which `warn` is told. */
async function readIntent(
  store: LearnerStore,
  name: string,
  warn: (text: string) => void,
): Promise<Forgetting | null> {
  try {
    const { [INTENT]: bytes } = await store.read("forgetting", name, [INTENT]);
    return parseJson(new TextDecoder().decode(bytes), INTENT) as Forgetting;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    warn(`${error.message}; nothing is forgotten, say again what is to be`);
    return null;
  }
}

function isKept(
  { classes, digests }: Forgetting,
): (picture: Pick<Picture, "label" | "digest">) => boolean {
  const [names, images] = [new Set(classes), new Set(digests)];
  return ({ label, digest }) => !names.has(label) && !images.has(digest);
}

async function forgetInDay(
  store: LearnerStore,
  name: string,
  forgetting: Forgetting,
  size: number,
): Promise<void> {
  const { [EPISODES]: bytes } = await store.read("day", name);
  const pictures = decodePictures(bytes, `day ${name}`, size);
  const kept = pictures.filter(isKept(forgetting));
  if (kept.length === pictures.length) return;
  // An empty one stays: its number is not given again.
  await replaceInDay(store, name, kept, size);
}

async function forgetInGeneration(
  store: LearnerStore,
  name: string,
  forgetting: Forgetting,
): Promise<void> {
  const given = await readGeneration(store, name);
  const without = forget(given, forgetting);
  if (without !== given) {
    await store.write("generations", nextRevision(name), generationFiles(without));
    await store.remove("generations", name);
  }
}

/** A generation without what is to be forgotten; itself where it holds nothing of it. */
export function forget(given: Generation, forgetting: Forgetting): Generation {
  const { state } = given;
  const kept = isKept(forgetting);
  const gone = new Set(forgetting.classes);
  const slots = given.memory.flatMap((picture, slot) => kept(picture) ? [slot] : []);
  const exam = given.exam.filter(kept);
  const trained = given.trained.filter(kept);
  const classes = state.classes.filter(({ name }) => !gone.has(name));
  const isHeldAsBefore = slots.length === given.memory.length &&
    exam.length === given.exam.length &&
    classes.length === state.classes.length;
  if (isHeldAsBefore) {
    return trained.length === given.trained.length ? given : { ...given, trained };
  }
  const memory = slots.map((slot) => given.memory[slot]);
  const counted = classes.map((known): KnownClass => {
    const own = exam.filter(({ label }) => label === known.name);
    return {
      ...known,
      remembered: memory.filter(({ label }) => label === known.name).length,
      exam: { images: own.length, right: own.filter(({ right }) => right).length },
    };
  });
  const heads = state.classes.filter(({ name }) => gone.has(name)).map(({ head }) => head);
  return {
    ...given,
    memory,
    exam,
    trained,
    record: given.record && {
      ...given.record,
      classes: given.record.classes.filter(({ name }) => !gone.has(name)),
      ...(given.record.mistakes
        ? {
          mistakes: given.record.mistakes.filter((one) =>
            !gone.has(one.class) && !gone.has(one.answer)
          ),
        }
        : {}),
    },
    model: withFreshHeads(given, heads),
    state: {
      ...state,
      classes: counted,
      memory: state.memory && BalancedReservoir.without(state.memory, slots, new Set(heads)),
    },
  };
}

/** The weights with rows of the classifier drawn anew, and without the names of their classes. */
function withFreshHeads({ state, model }: Generation, heads: readonly number[]) {
  const { settings, nights } = state;
  const table = tableOf(settings, settings.maxClasses);
  const { tensors } = decodeSafetensors(model, "the learner's weights");
  const packed = packState(table, tensors, "the learner");
  const draws = Random.stream(settings.seed, `heads freed in night ${nights}`);
  const fresh = initialValues(table, draws);
  const drawn = stateTensors(table, { ...packed, values: fresh });
  const next = stateTensors(table, packed);
  for (const name of ["linear.weight", "linear.bias"]) {
    const [to, from] = [next.get(name)!, drawn.get(name)!];
    const row = to.data.length / settings.maxClasses;
    for (const head of heads) {
      (to.data as Float32Array)
        .set((from.data as Float32Array).subarray(head * row, (head + 1) * row), head * row);
    }
  }
  const names = new Map(state.classes.map(({ name, head }) => [head, name]));
  const freed = new Set(heads);
  const byHead = Array.from(
    { length: settings.maxClasses },
    (_, head) => freed.has(head) ? null : names.get(head) ?? null,
  );
  return encodeModel(next, settings, byHead);
}
