import { join } from "node:path";
import { InputError } from "../errors.ts";
import { diskProblem } from "./durable.ts";

/** Part of the message where a folder is locked. */
export const LOCKED = "another run is writing to it";

/** Whether a run is writing to the folder now. */
export function isLocked(path: string): boolean {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(join(path, ".lock"), { read: true, write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false; // no run has ever been here
    throw error;
  }
  try {
    return !file.tryLockSync(true);
  } finally {
    file.close();
  }
}

/**
 * Keeps other runs out of a run folder until it is disposed of. The operating system holds the lock and frees it when
 * the process ends, however it ends, so a file that is left behind means nothing.
 *
 * @param instead what else to do, for the message
 * @throws {InputError} if another run has it.
 */
export function lockRunFolder(
  path: string,
  instead = "choose another folder with --out",
): Disposable {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(join(path, ".lock"), { read: true, write: true, create: true });
  } catch (error) {
    throw new InputError(
      `Cannot write to the folder ${path}: ${diskProblem(error)}, or ${instead}`,
    );
  }
  if (!file.tryLockSync(true)) {
    const text = new Uint8Array(100);
    const length = file.readSync(text) ?? 0;
    file.close();
    const holder = new TextDecoder().decode(text.subarray(0, length)).trim();
    throw new InputError(
      `Cannot use the folder ${path}: ${LOCKED}${holder && ` (${holder})`}; ` +
        `wait until it has ended, or ${instead}`,
    );
  }
  file.truncateSync(0);
  file.writeSync(new TextEncoder().encode(`process ${Deno.pid}\n`));
  return { [Symbol.dispose]: () => file.close() };
}
