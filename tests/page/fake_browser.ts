/** What of a browser the page's worker needs beside the GPU: databases, locks, messages. As little as it uses. */

type Rows = Map<string, { readonly key: unknown; readonly value: unknown }>;

/**
 * What a change meets: no room left, in which things can still be removed; a database that changes nothing any more; the
 * end of the page, in which nothing more is answered.
 */
export type Mishap = "full" | "broken" | "cut";

/** Databases that outlive the tabs which open them. */
export class FakeDatabases {
  readonly #databases = new Map<string, Map<string, Rows>>();
  #mishap: { readonly kind: Mishap; writesLeft: number; readonly met: () => void } | null = null;
  /** Whether they cannot be opened. */
  refused = false;

  open(name: string): Record<string, unknown> {
    const stores = this.#databases.get(name) ?? new Map<string, Rows>();
    const isNew = !this.#databases.has(name);
    const request: Record<string, unknown> = {};
    queueMicrotask(() => {
      if (this.refused) {
        request.error = new Error("the database cannot be opened");
        return call(request.onerror);
      }
      this.#databases.set(name, stores);
      request.result = {
        createObjectStore: (store: string) => stores.set(store, new Map()),
        transaction: (names: string | string[], mode: string) =>
          this.#transaction(stores, [names].flat(), mode),
      };
      if (isNew) call(request.onupgradeneeded);
      call(request.onsuccess);
    });
    return request;
  }

  /** How many databases hold a generation of a learner. */
  get learners(): number {
    const hold = (stores: Map<string, Rows>) =>
      [...stores.values()].some((rows) =>
        [...rows.keys()].some((key) => /"generations"/.test(key))
      );
    return [...this.#databases].filter(([name, stores]) => /learner/.test(name) && hold(stores))
      .length;
  }

  /** After so many more changes there is a mishap; resolves when it is met. */
  async meet(kind: Mishap, writesLeft: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#mishap = { kind, writesLeft, met: resolve };
    await promise;
  }

  /** There is room again, and another page. */
  mend(): void {
    this.#mishap = null;
  }

  #transaction(stores: Map<string, Rows>, names: readonly string[], mode: string) {
    const staged = new Map(names.map((name) => [name, new Map(stores.get(name)!)]));
    const transaction: Record<string, unknown> = { error: null };
    let adds = false;
    transaction.objectStore = (name: string) =>
      storeOf(staged.get(name)!, () => {
        adds = true;
      });
    // Behind all that is asked of it at once.
    queueMicrotask(() =>
      queueMicrotask(() => {
        if (mode === "readonly") return;
        const fate = this.#fate(adds);
        if (fate === "cut") return;
        if (fate !== null) {
          const name = fate === "full" ? "QuotaExceededError" : "UnknownError";
          transaction.error = new DOMException("refused", name);
          return call(transaction.onabort);
        }
        for (const [name, rows] of staged) stores.set(name, rows);
        call(transaction.oncomplete);
      })
    );
    return transaction;
  }

  #fate(adds: boolean): Mishap | null {
    const mishap = this.#mishap;
    if (mishap === null || (mishap.kind === "full" && !adds)) return null;
    if (mishap.writesLeft-- > 0) return null;
    mishap.met();
    return mishap.kind;
  }
}

function storeOf(rows: Rows, adding: () => void) {
  const put = (value: unknown, key: unknown) => {
    adding();
    rows.set(JSON.stringify(key), { key, value: structuredClone(value) });
  };
  return {
    put,
    add: (value: unknown) => put(value, rows.size + 1),
    delete: (key: unknown) => rows.delete(JSON.stringify(key)),
    clear: () => rows.clear(),
    get: (key: unknown) => answered(rows.get(JSON.stringify(key))?.value),
    getAll: () => answered([...rows.values()].map(({ value }) => value)),
    getAllKeys: ({ lower: [shelf] }: { lower: unknown[] }) =>
      answered(
        [...rows.values()].map(({ key }) => key as unknown[]).filter(([first]) => first === shelf),
      ),
  };
}

function answered(result: unknown): Record<string, unknown> {
  const request: Record<string, unknown> = { result };
  queueMicrotask(() => call(request.onsuccess));
  return request;
}

function call(listener: unknown): void {
  if (typeof listener === "function") listener();
}

/** One lock, held by a tab until that is closed. */
class FakeLocks {
  #isHeld = false;
  readonly #waiting: (() => void)[] = [];

  request(_name: string, ...rest: unknown[]): Promise<void> {
    const take = rest.at(-1) as (lock: object | null) => unknown;
    const ifAvailable = rest.length > 1;
    if (!this.#isHeld) {
      this.#isHeld = true;
      take({});
    } else if (ifAvailable) take(null);
    else this.#waiting.push(() => take({}));
    return Promise.resolve();
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#isHeld = false;
  }
}

/** A browser with tabs of the page, of which each has a worker of its own in this process. */
export class FakeBrowser {
  readonly databases = new FakeDatabases();
  /** Kinds of news that the workers told. */
  readonly told: string[] = [];
  readonly #locks = new FakeLocks();
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;
  static #tabs = 0;

  /** @param fetch answers what the worker fetches. */
  constructor(fetch: () => Promise<Response>) {
    const own = {
      indexedDB: this.databases,
      IDBKeyRange: { bound: (lower: unknown, upper: unknown) => ({ lower, upper }) },
      name: "http://localhost/",
      fetch,
      postMessage: (message: Record<string, unknown>) => this.#hear(message),
    };
    for (const [name, value] of Object.entries(own)) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
    // Whatever fails is told the page, too, where the tests look at it.
    console.error = console.warn = () => {};
    Object.defineProperty(navigator, "locks", { value: this.#locks, configurable: true });
  }

  async openTab(): Promise<Tab> {
    // By a name that the type check does not follow: the page has the types of a browser.
    await import(`${new URL("../../page/worker/main.ts", import.meta.url)}?${FakeBrowser.#tabs++}`);
    const worker = Reflect.get(globalThis, "onmessage") as (message: { data: unknown }) => void;
    return {
      ask: async <T>(name: string, asked: unknown = {}) => {
        const id = ++this.#last;
        const waiting = Promise.withResolvers<unknown>();
        this.#waiting.set(id, waiting);
        worker({ data: { id, name, asked } });
        return await waiting.promise as T;
      },
      close: () => this.#locks.release(),
    };
  }

  #hear({ id, answer, error, news }: Record<string, unknown>): void {
    if (news) return void this.told.push((news as { kind: string }).kind);
    const waiting = this.#waiting.get(id as number)!;
    if (error) waiting.reject(new Error((error as Error).message));
    else waiting.resolve(answer);
  }
}

/** A tab: what its page asks the worker. */
export interface Tab {
  ask<T>(name: string, asked?: unknown): Promise<T>;
  close(): void;
}
