import { type Files, InputError, type LearnerStore, type Shelf } from "../../src/core.ts";

const BUNDLES = "bundles";
const LINES = "lines";

/** A learner in a database of the browser: a bundle is one value, written in one transaction, so whole or not there. */
export class DatabaseStore implements LearnerStore {
  readonly name = "the learner in this browser";
  readonly #database: IDBDatabase;

  private constructor(database: IDBDatabase) {
    this.#database = database;
  }

  /** Opens the database of that name, or makes it. */
  static async open(name: string): Promise<DatabaseStore> {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(BUNDLES);
      request.result.createObjectStore(LINES, { autoIncrement: true });
    };
    return new DatabaseStore(await settled(request));
  }

  async names(shelf: Shelf): Promise<string[]> {
    // Keys are pairs, and a list is behind all texts.
    const range = IDBKeyRange.bound([shelf], [shelf, []]);
    const keys = await settled(this.#store(BUNDLES, "readonly").getAllKeys(range));
    return keys.map((key) => (key as [string, string])[1]).sort();
  }

  async read(shelf: Shelf, name: string, files?: readonly string[]): Promise<Files> {
    const bundle: Files | undefined = await settled(
      this.#store(BUNDLES, "readonly").get([shelf, name]),
    );
    const missing = (files ?? []).find((file) => !bundle || !Object.hasOwn(bundle, file));
    if (!bundle || missing !== undefined) {
      const what = missing === undefined ? "is not there" : `has no ${missing}`;
      throw new InputError(`Cannot use ${shelf} ${name}: it ${what}`);
    }
    return files ? Object.fromEntries(files.map((file) => [file, bundle[file]])) : bundle;
  }

  async write(shelf: Shelf, name: string, files: Files): Promise<void> {
    // A view would be stored with all of its buffer.
    const own = Object.entries(files).map(([file, bytes]) =>
      [file, bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice()] as const
    );
    await this.#change(BUNDLES, (store) => store.put(Object.fromEntries(own), [shelf, name]));
  }

  async remove(shelf: Shelf, name: string): Promise<void> {
    await this.#change(BUNDLES, (store) => store.delete([shelf, name]));
  }

  async append(line: string): Promise<void> {
    await this.#change(LINES, (store) => store.add(line));
  }

  async lines(): Promise<string[]> {
    return await settled(this.#store(LINES, "readonly").getAll());
  }

  /** Removes everything. */
  async clear(): Promise<void> {
    const names = [BUNDLES, LINES];
    const change = this.#database.transaction(names, "readwrite", { durability: "strict" });
    for (const name of names) change.objectStore(name).clear();
    await completed(change);
  }

  #store(name: string, mode: IDBTransactionMode): IDBObjectStore {
    return this.#database.transaction(name, mode).objectStore(name);
  }

  /** Resolves when the change has reached the disk. */
  async #change(name: string, change: (store: IDBObjectStore) => void): Promise<void> {
    const transaction = this.#database.transaction(name, "readwrite", { durability: "strict" });
    change(transaction.objectStore(name));
    await completed(transaction);
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(explain(transaction.error));
  });
}

function explain(error: DOMException | null): Error {
  return error?.name === "QuotaExceededError"
    ? new Error(
      "Cannot keep this: the browser has no room left for this page; free some space, and try again",
    )
    : error ?? new Error("Cannot keep this: the browser's database refused it; try again");
}
