import { join } from "node:path";
import { InputError } from "../errors.ts";
import type { Checkpoint, StateCheck } from "../experiment/checkpoint.ts";
import {
  CHECKPOINT_FILES,
  checkpointFiles,
  checkpointOf,
} from "../experiment/checkpoint_bundle.ts";
import { namesOn, readWhole, removeWhole, writeWhole } from "./whole_folder.ts";

/**
 * Writes a checkpoint of a run folder, whole or not at all, and removes all but the last `keep`.
 *
 * @returns bytes written
 */
export async function writeCheckpoint(
  folder: string,
  checkpoint: Checkpoint,
  keep: number,
): Promise<number> {
  const written = await writeWhole(
    folder,
    nameOf(checkpoint.info.point),
    checkpointFiles(checkpoint),
  );
  prune(folder, keep);
  return written;
}

/**
 * The last sound checkpoint of a run folder, or null if there is none. `warn` is told of each that is passed over, and
 * why. `check` looks at what only the run's network can tell; default: nothing.
 */
export async function readLastCheckpoint(
  folder: string,
  warn: (text: string) => void,
  check?: StateCheck,
): Promise<Checkpoint | null> {
  for (const name of listCheckpoints(folder).reverse()) {
    try {
      return await readCheckpoint(join(folder, name), check);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      warn(`${error.message}; taking the one before`);
    }
  }
  return null;
}

/** Names of a run's checkpoints, oldest first; some may be broken, none is still being written. */
export function listCheckpoints(folder: string): string[] {
  return namesOn(folder, "checkpoints", /^\d{9,}$/).sort((a, b) => Number(a) - Number(b));
}

/** @throws {InputError} for one that is not whole, and for one with a value that is not finite. */
export async function readCheckpoint(path: string, check?: StateCheck): Promise<Checkpoint> {
  return checkpointOf(await readWhole(path, "checkpoint", CHECKPOINT_FILES), path, check);
}

/** Where the checkpoint of a point lies. */
export function checkpointPath(folder: string, point: number): string {
  return join(folder, nameOf(point));
}

function nameOf(point: number): string {
  return String(point).padStart(9, "0");
}

function prune(folder: string, keep: number): void {
  const names = listCheckpoints(folder);
  for (const name of names.slice(0, Math.max(0, names.length - keep))) {
    removeWhole(join(folder, name));
  }
}
