import { join } from "node:path";
import type { Files, LearnerStore, Shelf } from "../continual/store.ts";
import { isFile } from "../data/folder_listing.ts";
import { InputError } from "../errors.ts";
import { diskProblem, isThere, removeIfThere } from "./durable.ts";
import { lockRunFolder } from "./run_lock.ts";
import { isWhole, namesOn, readWhole, removeWhole, writeWhole } from "./whole_folder.ts";
import { quotedPath } from "../text.ts";

/** What one bundle of each shelf is called in messages. */
const WHAT: Readonly<Record<Shelf, string>> = {
  generations: "generation",
  day: "the day's images",
  night: "the night",
  refused: "the refused night",
  forgetting: "what is to be forgotten",
  checkpoints: "checkpoint",
};

/** A learner in a folder: a folder for each shelf, in it a folder for each bundle, and `nights.jsonl`. */
export class LearnerFolder implements LearnerStore {
  /** Its path. */
  readonly name: string;

  /** The folder of that path, which need not be a learner's yet. */
  constructor(path: string) {
    this.name = path;
  }

  names(shelf: Shelf): Promise<string[]> {
    const path = join(this.name, shelf);
    const names = namesOn(path, shelf, /^\d+(-\d+)?$/).sort();
    // Of a generation that is not whole is told; what else is not was never acknowledged.
    const isShown = (name: string) => shelf === "generations" || isWhole(join(path, name));
    return Promise.resolve(names.filter(isShown));
  }

  async read(shelf: Shelf, name: string, files?: readonly string[]): Promise<Files> {
    return await readWhole(join(this.name, shelf, name), WHAT[shelf], files);
  }

  async write(shelf: Shelf, name: string, files: Files): Promise<void> {
    await this.#writing(join(shelf, name), async () => {
      await writeWhole(join(this.name, shelf), name, files);
    });
  }

  remove(shelf: Shelf, name: string): Promise<void> {
    removeWhole(join(this.name, shelf, name));
    return Promise.resolve();
  }

  setAside(shelf: Shelf, name: string): Promise<string> {
    const aside = join(this.name, ASIDE);
    Deno.mkdirSync(aside, { recursive: true });
    const taken = new Set([...Deno.readDirSync(aside)].map(({ name }) => name));
    let place = `${shelf}-${name}`;
    while (taken.has(place)) place += "+";
    Deno.renameSync(join(this.name, shelf, name), join(aside, place));
    return Promise.resolve(join(aside, place));
  }

  clearAside(): Promise<number> {
    const aside = join(this.name, ASIDE);
    const count = holds(this.name, ASIDE) ? [...Deno.readDirSync(aside)].length : 0;
    removeIfThere(aside);
    return Promise.resolve(count);
  }

  async append(line: string): Promise<void> {
    await this.#writing(HISTORY, () => {
      using file = Deno.openSync(join(this.name, HISTORY), {
        read: true,
        write: true,
        create: true,
      });
      const { size } = file.statSync();
      // A line that was cut while it was written ends here.
      const starts = size === 0 || lastByte(file, size) === 10 ? "" : "\n";
      file.seekSync(0, Deno.SeekMode.End);
      const bytes = new TextEncoder().encode(`${starts}${line}\n`);
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      file.syncSync();
      return Promise.resolve();
    });
  }

  lines(): Promise<string[]> {
    const path = join(this.name, HISTORY);
    if (!isThere(path)) return Promise.resolve([]);
    return Promise.resolve(Deno.readTextFileSync(path).split("\n").filter((line) => line !== ""));
  }

  async #writing(what: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      throw new Error(`Cannot write ${join(this.name, what)}: ${diskProblem(error)}`, {
        cause: error,
      });
    }
  }
}

const HISTORY = "nights.jsonl";

/** Folder of what is damaged. */
const ASIDE = "aside";

/**
 * Keeps others from changing a learner until it is disposed of.
 *
 * @throws {InputError} where there is no such folder, or another process has it.
 */
export function lockLearner(path: string): Disposable {
  refuseOther(path);
  return lockRunFolder(path, "choose another learner");
}

/**
 * Makes the folder of a new learner.
 *
 * @returns takes everything back: what has come into the folder, and the folder itself if it was not there before.
 * @throws {InputError} where something is there.
 */
export function createLearnerFolder(path: string): () => void {
  const wasThere = holds(path, ".");
  try {
    const isTaken = [...Deno.readDirSync(path)].length > 0;
    if (isTaken) {
      throw new InputError(
        `Cannot make a learner in ${path}: something is there already; choose another folder, or remove it first`,
      );
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      if (error instanceof InputError) throw error;
      throw new InputError(
        `Cannot make a learner in ${path}: ${(error as Error).message.split("\n")[0]}`,
      );
    }
  }
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new InputError(`Cannot make a learner in ${path}: ${diskProblem(error)}`);
  }
  return () => {
    if (!wasThere) return removeIfThere(path);
    for (const { name } of Deno.readDirSync(path)) removeIfThere(join(path, name));
  };
}

/** Whether a learner lives in a folder. */
export function isLearner(path: string): boolean {
  return holds(path, "generations");
}

/** @throws {InputError} for a folder that is none, or no learner's. */
export function refuseOther(path: string): void {
  if (isLearner(path)) return;
  if (isFile(path)) {
    throw new InputError(
      `Cannot open the learner ${path}: it is a file, which can be asked, not changed; make a folder of it with ` +
        `./wscl unpack ${quotedPath(path)} FOLDER`,
    );
  }
  const found = holds(path, "summary.json") || holds(path, "config.json")
    ? "it is the folder of a run"
    : holds(path, ".")
    ? "no learner is in this folder"
    : "there is no such folder";
  throw new InputError(
    `Cannot open the learner ${path}: ${found}; make one with ./wscl new ${quotedPath(path)}`,
  );
}

function holds(path: string, name: string): boolean {
  try {
    Deno.statSync(join(path, name));
    return true;
  } catch {
    return false;
  }
}

function lastByte(file: Deno.FsFile, size: number): number {
  file.seekSync(size - 1, Deno.SeekMode.Start);
  const byte = new Uint8Array(1);
  file.readSync(byte);
  return byte[0];
}
