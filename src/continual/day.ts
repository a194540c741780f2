import { InputError } from "../errors.ts";
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
  await store.write("day", nameOf(number), { [EPISODES]: encodePictures(pictures, size) });
}

/** Numbers of the day's bundles, ascending. */
export async function dayNumbers(store: LearnerStore): Promise<number[]> {
  return (await store.names("day")).map(Number);
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
  const numbers = (await dayNumbers(store)).filter((number) => number > after && number <= until);
  const pictures: Picture[] = [];
  for (const number of numbers) {
    const name = nameOf(number);
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
  for (const number of await dayNumbers(store)) {
    if (number <= until) await store.remove("day", nameOf(number));
  }
}

function nameOf(number: number): string {
  return String(number).padStart(9, "0");
}
