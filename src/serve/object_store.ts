import { join } from "node:path";
import { sha256 } from "../digest.ts";
import { diskProblem, removeIfThere, syncFolder, writeNew } from "../host/durable.ts";

/** Somebody else has put another object there: whoever finds this is not to write any more. */
export class Fenced extends Error {
  override readonly name = "Fenced";
}

/** An object as it was found. */
export interface StoredObject {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Changes with the content. */
  readonly tag: string;
}

/** A place for one object, whose writers exclude each other by its tag. */
export interface ObjectStore {
  /** For messages. */
  readonly name: string;
  /** What is there; null: nothing. */
  get(): Promise<StoredObject | null>;
  /** Its tag alone. */
  tag(): Promise<string | null>;
  /**
   * Puts an object in the place of the one with this tag, or where there is none, and gives the new tag.
   *
   * @throws {Fenced} where another one is there.
   */
  put(bytes: Uint8Array<ArrayBuffer>, known: string | null): Promise<string>;
}

/** A folder, in it one file. */
export class FolderObject implements ObjectStore {
  readonly name: string;
  readonly #path: string;

  /** The folder need not be there yet. */
  constructor(folder: string) {
    this.name = folder;
    this.#path = join(folder, "learner.safetensors");
  }

  async get(): Promise<StoredObject | null> {
    try {
      const bytes = await Deno.readFile(this.#path);
      return { bytes, tag: `"${await sha256(bytes)}"` };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  async tag(): Promise<string | null> {
    return (await this.get())?.tag ?? null;
  }

  async put(bytes: Uint8Array<ArrayBuffer>, known: string | null): Promise<string> {
    try {
      return await this.#put(bytes, known);
    } catch (error) {
      if (error instanceof Fenced) throw error;
      throw new Error(`Cannot write ${this.#path}: ${diskProblem(error)}`, { cause: error });
    }
  }

  async #put(bytes: Uint8Array<ArrayBuffer>, known: string | null): Promise<string> {
    Deno.mkdirSync(this.name, { recursive: true });
    using file = Deno.openSync(join(this.name, ".lock"), { write: true, create: true });
    await file.lock(true); // until it is closed: looking and writing are one
    if (await this.tag() !== known) throw new Fenced(`another object is in ${this.name}`);
    const part = `${this.#path}.part`;
    removeIfThere(part);
    try {
      writeNew(part, bytes);
      Deno.renameSync(part, this.#path);
    } catch (error) {
      removeIfThere(part);
      throw error;
    }
    syncFolder(this.name);
    return `"${await sha256(bytes)}"`;
  }
}
