import { InputError } from "../errors.ts";
import { bundleName, nextRevision, parseBundleName } from "./bundle_name.ts";
import { decodePictures, encodePictures, type Picture } from "./pictures.ts";
import type { LearnerStore } from "./store.ts";

/** The file of a day's bundle. */
export const EPISODES = "episodes.safetensors";

/** Adds pictures to the day, for good once it resolves. */
export async function addToDay(
  store: LearnerStore,
  number: number,
  pictures: readonly Picture[],
  size: number,
): Promise<void> {
  await store.write("day", bundleName(number, 9), { [EPISODES]: encodePictures(pictures, size) });
}

/**
 * The day's bundles, by ascending numbers. Where a change of one was cut, there is one of the same number twice: the
 * later revision is meant.
 */
export async function dayBundles(
  store: LearnerStore,
): Promise<{ readonly number: number; readonly name: string }[]> {
  const revisions = (await store.names("day")).map((name) => ({ name, ...parseBundleName(name) }))
    .sort((a, b) => a.number - b.number || a.revision - b.revision);
  return revisions.filter(({ number }, i) => revisions[i + 1]?.number !== number);
}

/** Changes what a bundle of the day holds; whatever happens meanwhile, the old pictures or the new ones are there. */
export async function replaceInDay(
  store: LearnerStore,
  name: string,
  pictures: readonly Picture[],
  size: number,
): Promise<void> {
  await store.write("day", nextRevision(name), { [EPISODES]: encodePictures(pictures, size) });
  await store.remove("day", name);
}

/**
 * The pictures of bundles behind one number and up to another, in the order in which they came. A bundle that is not
 * whole is passed over: `damaged` is told its name and what is wrong.
 */
export async function readDay(
  store: LearnerStore,
  size: number,
  { after, until, damaged }: {
    readonly after: number;
    readonly until: number;
    readonly damaged: (name: string, problem: string) => void | Promise<void>;
  },
): Promise<Picture[]> {
  const bundles = (await dayBundles(store)).filter(({ number }) =>
    number > after && number <= until
  );
  const pictures: Picture[] = [];
  for (const { name } of bundles) {
    try {
      const files = await store.read("day", name, [EPISODES]);
      pictures.push(...decodePictures(files[EPISODES], `${store.name}, day ${name}`, size));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      await damaged(name, `${error.message}; its images are passed over, teach them again`);
    }
  }
  return pictures;
}

/** Removes the bundles up to a number. */
export async function endDay(store: LearnerStore, until: number): Promise<void> {
  for (const name of await store.names("day")) {
    if (parseBundleName(name).number <= until) await store.remove("day", name);
  }
}
