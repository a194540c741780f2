import { InputError } from "../errors.ts";

/** Files by name. */
export type Files = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/**
 * What a learner keeps: what it was at each dawn; images that wait for a night; the night that is going on; what the
 * last exam refused; what is to be forgotten, until it is; checkpoints of the night.
 */
export type Shelf = "generations" | "day" | "night" | "refused" | "forgetting" | "checkpoints";

/** All values of {@linkcode Shelf}. */
export const SHELVES = [
  "generations",
  "day",
  "night",
  "refused",
  "forgetting",
  "checkpoints",
] as const satisfies readonly Shelf[];

/**
 * Where a learner lives: a folder, the memory of a process, a page's database. A shelf holds bundles of files under
 * names; whatever happens while one is written or removed, it is there as a whole or not at all.
 */
export interface LearnerStore {
  /** For messages: the folder, say. */
  readonly name: string;
  /** Names on a shelf, ascending; a reader may find that one of them is not whole. */
  names(shelf: Shelf): Promise<string[]>;
  /**
   * Files of a bundle; without `files` all of them.
   *
   * @throws {InputError} for a bundle that is not whole.
   */
  read(shelf: Shelf, name: string, files?: readonly string[]): Promise<Files>;
  /**
   * Keeps a bundle, for good once it resolves. One of the same name is replaced, and may be lost where this is cut:
   * what must not be has another name until the new one is kept.
   */
  write(shelf: Shelf, name: string, files: Files): Promise<void>;
  /** Removes a bundle, if it is there. */
  remove(shelf: Shelf, name: string): Promise<void>;
  /**
   * Moves a bundle that is not whole off its shelf, for whoever can still make something of it; where it is then, for
   * messages. A store without this leaves it where it is, until another of its name takes its place.
   */
  setAside?(shelf: Shelf, name: string): Promise<string>;
  /** Removes all that was set aside; how many bundles these were. */
  clearAside?(): Promise<number>;
  /** Adds a line to the history of nights. */
  append(line: string): Promise<void>;
  /** The history of nights, oldest first. */
  lines(): Promise<string[]>;
}

/** A learner in the memory of a process or a page: for tests, and to be copied elsewhere. */
export class MemoryLearnerStore implements LearnerStore {
  /** For messages. */
  readonly name: string;
  readonly #bundles = new Map<string, Files>();
  readonly #lines: string[] = [];

  /** An empty one. */
  constructor(name = "the learner in memory") {
    this.name = name;
  }

  names(shelf: Shelf): Promise<string[]> {
    const prefix = `${shelf}/`;
    const names = [...this.#bundles.keys()].filter((key) => key.startsWith(prefix));
    return Promise.resolve(names.map((key) => key.slice(prefix.length)).sort());
  }

  read(shelf: Shelf, name: string, files?: readonly string[]): Promise<Files> {
    const bundle = this.#bundles.get(`${shelf}/${name}`);
    const missing = (files ?? []).find((file) => !bundle || !Object.hasOwn(bundle, file));
    if (!bundle || missing !== undefined) {
      const what = missing === undefined ? "is not there" : `has no ${missing}`;
      return Promise.reject(new InputError(`Cannot use ${shelf} ${name}: it ${what}`));
    }
    const wanted = files ?? Object.keys(bundle);
    return Promise.resolve(Object.fromEntries(wanted.map((file) => [file, bundle[file].slice()])));
  }

  write(shelf: Shelf, name: string, files: Files): Promise<void> {
    const copies = Object.entries(files).map(([file, bytes]) => [file, bytes.slice()] as const);
    this.#bundles.set(`${shelf}/${name}`, Object.fromEntries(copies));
    return Promise.resolve();
  }

  remove(shelf: Shelf, name: string): Promise<void> {
    this.#bundles.delete(`${shelf}/${name}`);
    return Promise.resolve();
  }

  setAside(shelf: Shelf, name: string): Promise<string> {
    const bundle = this.#bundles.get(`${shelf}/${name}`)!;
    this.#bundles.delete(`${shelf}/${name}`);
    let place = `aside/${shelf}-${name}`;
    while (this.#bundles.has(place)) place += "+";
    this.#bundles.set(place, bundle);
    return Promise.resolve(place);
  }

  clearAside(): Promise<number> {
    const aside = [...this.#bundles.keys()].filter((key) => key.startsWith("aside/"));
    for (const key of aside) this.#bundles.delete(key);
    return Promise.resolve(aside.length);
  }

  append(line: string): Promise<void> {
    this.#lines.push(line);
    return Promise.resolve();
  }

  lines(): Promise<string[]> {
    return Promise.resolve([...this.#lines]);
  }
}

/**
 * Copies all that one store holds into another, the history included; what the other held is left there.
 *
 * @returns what is wrong with bundles that are damaged, and were not copied.
 */
export async function copyStore(from: LearnerStore, to: LearnerStore): Promise<string[]> {
  const problems: string[] = [];
  // What a reader looks for first comes last.
  for (const shelf of SHELVES.toReversed()) {
    for (const name of await from.names(shelf)) {
      let files: Files;
      try {
        files = await from.read(shelf, name);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        problems.push(error.message);
        continue;
      }
      await to.write(shelf, name, files);
    }
  }
  for (const line of await from.lines()) await to.append(line);
  return problems;
}

/** Whether nothing is there: no learner has ever been. */
export async function isEmpty(store: LearnerStore): Promise<boolean> {
  for (const shelf of SHELVES) if ((await store.names(shelf)).length > 0) return false;
  return true;
}
