import { InputError } from "../errors.ts";
import type { Checkpoint, CheckpointStore } from "../experiment/checkpoint.ts";
import {
  CHECKPOINT_FILES,
  checkpointFiles,
  checkpointOf,
} from "../experiment/checkpoint_bundle.ts";
import { bundleName } from "./bundle_name.ts";
import type { LearnerStore } from "./store.ts";

/** The name of a checkpoint, by the point of the night that it is of. */
const nameOf = (point: number) => bundleName(point, 9);

/** Checkpoints that are kept of a night. */
const KEPT = 2;

/** The checkpoints of the night that is going on. */
export class NightCheckpoints implements CheckpointStore {
  readonly #store: LearnerStore;
  readonly #note: (text: string) => void;

  constructor(store: LearnerStore, note: (text: string) => void) {
    this.#store = store;
    this.#note = note;
  }

  checkpointName(point: number): string {
    return `${nameOf(point)} of the night`;
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<number> {
    const files = checkpointFiles(checkpoint);
    await this.#store.write("checkpoints", nameOf(checkpoint.info.point), files);
    const names = await this.#store.names("checkpoints");
    for (const name of names.slice(0, Math.max(0, names.length - KEPT))) {
      await this.#store.remove("checkpoints", name);
    }
    return Object.values(files).reduce((sum, { length }) => sum + length, 0);
  }

  /** The last whole one of the very night that these digests stand for; null: it begins anew. */
  async last(identity: Readonly<Record<string, string>>): Promise<Checkpoint | null> {
    for (const name of (await this.#store.names("checkpoints")).reverse()) {
      try {
        const files = await this.#store.read("checkpoints", name, CHECKPOINT_FILES);
        const checkpoint = checkpointOf(files, name);
        const other = Object.keys(identity)
          .filter((key) => checkpoint.info.identity[key] !== identity[key]);
        if (other.length === 0) return checkpoint;
        this.#note(
          `The night begins anew from the last dawn: ${other.join(" and ")} ${
            other.length > 1 ? "are" : "is"
          } not what it was`,
        );
        await this.clear();
        return null;
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        this.#note(`${error.message}; taking the one before`);
      }
    }
    return null;
  }

  /** Removes all, for those of another night would be taken for the last ones of this; whether there were any. */
  async clear(): Promise<boolean> {
    const names = await this.#store.names("checkpoints");
    for (const name of names) await this.#store.remove("checkpoints", name);
    return names.length > 0;
  }
}
