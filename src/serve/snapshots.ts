import { sha256 } from "../digest.ts";
import { InputError } from "../errors.ts";
import type { Backlog } from "./backlog.ts";
import type { Events } from "./events.ts";
import { Fenced, type ObjectStore } from "./object_store.ts";
import { Problem } from "./problem.ts";
import type { ServedLearner } from "./served_learner.ts";
import { type Packed, packSnapshot, TAG } from "./snapshot.ts";

/** What is answered to whoever puts a snapshot. */
export interface SnapshotAnswer {
  readonly generation: number;
  readonly bytes: number;
  /** Of the stored object. */
  readonly tag: string;
}

/** The snapshots of a service, and where they are put. */
export class Snapshots {
  readonly #store: ObjectStore | null;
  readonly #served: ServedLearner;
  readonly #backlog: Backlog;
  readonly #events: Events;
  /** The last one that is being put away. */
  #putting: Promise<unknown> = Promise.resolve();

  constructor(
    store: ObjectStore | null,
    served: ServedLearner,
    backlog: Backlog,
    events: Events,
  ) {
    this.#store = store;
    this.#served = served;
    this.#backlog = backlog;
    this.#events = events;
  }

  /** Where they are put. @throws {Problem} if nowhere. */
  get store(): ObjectStore {
    if (this.#store) return this.#store;
    throw new Problem(
      409,
      "Cannot use snapshots: the service was started without a place for them; start it with --snapshots",
    );
  }

  /** Whether there is a place for them. */
  get isOn(): boolean {
    return this.#store !== null;
  }

  /** Resolves when none is being put away. */
  get settled(): Promise<unknown> {
    return this.#putting;
  }

  /**
   * Puts one, behind those before: each has to know the tag of the one before.
   *
   * @param takeOver replaces what another service has put there since
   * @throws {Problem}
   */
  put(takeOver: boolean): Promise<SnapshotAnswer> {
    const put = this.#putting.then(() => this.#put(this.store, takeOver));
    this.#putting = put.catch(() => {});
    return put;
  }

  async #put(store: ObjectStore, takeOver: boolean): Promise<SnapshotAnswer> {
    const { bytes, generation } = await this.#pack();
    const known = takeOver ? await store.tag() : this.#backlog.fact(TAG);
    // Kept before it is put: whatever keeps the tag from being known, what is there is told from another service's.
    const sent = new Set(this.#sent()).add(await sha256(bytes));
    this.#backlog.setFact(SENT, JSON.stringify([...sent].slice(-MOST_SENT)));
    try {
      const tag = await this.#write(store, bytes, known);
      this.#backlog.setFacts({ [TAG]: tag, [SENT]: "[]" });
      this.#events.emit("snapshot", { generation, bytes: bytes.length });
      return { generation, bytes: bytes.length, tag };
    } catch (error) {
      if (!(error instanceof Fenced)) throw error;
      throw new Problem(
        409,
        `Cannot put a snapshot to ${store.name}: another service has put one there that this one does not know; ` +
          'restore it first, or take over with {"takeOver": true}',
      );
    }
  }

  async #pack(): Promise<Packed> {
    const packing = packSnapshot(this.#served.store, this.#backlog);
    const packed = await packing.catch((error) => {
      if (!(error instanceof InputError)) throw error;
      throw new Problem(
        409,
        `${error.message}; what was put away before stays: restore it, or start the service again, which takes the ` +
          "generation before",
      );
    });
    for (const problem of packed.damaged) {
      this.#events.emit("message", { text: `${problem}; the snapshot is without it` });
    }
    return packed;
  }

  /**
   * What this service has put is gone where it has another place now, or somebody removed it: then nothing is in the way.
   * Neither is what it has put itself without having learned of it.
   */
  async #write(
    store: ObjectStore,
    bytes: Uint8Array<ArrayBuffer>,
    known: string | null,
  ): Promise<string> {
    try {
      return await store.put(bytes, known);
    } catch (error) {
      if (!(error instanceof Fenced)) throw error;
      const found = await store.get();
      if (found && !this.#sent().includes(await sha256(found.bytes))) throw error;
      return await store.put(bytes, found?.tag ?? null);
    }
  }

  /** SHA-256 of what was put, or nearly, since a tag was kept. */
  #sent(): string[] {
    return JSON.parse(this.#backlog.fact(SENT) ?? "[]");
  }
}

/** Fact in the backlog: what {@linkcode Snapshots} has sent without knowing whether it is there. */
const SENT = "snapshots sent";
/** Most of them: each is one that failed, or whose tag could not be kept. */
const MOST_SENT = 100;
