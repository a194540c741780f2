/** Files that are on disk, whole, when a call returns: what is half-written has another name. */

import { dirname } from "node:path";

/**
 * Writes a new file and returns when its bytes have reached the disk. One that not all can be written of is removed.
 *
 * @throws Deno's errors: `AlreadyExists` where a file is there, which stays as it is.
 */
export function writeNew(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  try {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
  } catch (error) {
    file.close();
    Deno.removeSync(path);
    throw error;
  }
}

/** Returns when the names of a folder's files have reached the disk. */
export function syncFolder(path: string): void {
  // Windows opens no folders, and keeps their entries in order by itself.
  if (Deno.build.os === "windows") return;
  using folder = Deno.openSync(path, { read: true });
  folder.syncSync();
}

/** Removes a file or a folder with all that is in it, if it is there. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes a folder that holds nothing but a lock. */
export function removeFolderIfEmpty(path: string): void {
  const others = [...Deno.readDirSync(path)].filter(({ name }) => name !== ".lock");
  if (others.length === 0) Deno.removeSync(path, { recursive: true });
}

/** Whether there is a file that can be looked at. */
export function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Does something to a file that is being written; what goes wrong is an error that names it, and the fix. */
export function writing<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new Error(`Cannot write ${path}: ${diskProblem(error)}`, { cause: error });
  }
}

/**
 * Replaces a file so that a reader sees the old one or the new one, never a part, also where several processes do so at
 * once: the last one's is there then. It is on disk when the call returns.
 */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const part = `${path}.${crypto.randomUUID()}.part`;
  writing(path, () => {
    writeNew(part, bytes);
    try {
      Deno.renameSync(part, path);
    } catch (error) {
      Deno.removeSync(part);
      throw error;
    }
    syncFolder(dirname(path));
  });
}

/** What the system said of a file, in one line; that Deno keeps programs from it is said without its options. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    return /^Requires all access/.test(error.message)
      ? "it belongs to the system"
      : "wscl has no access to it";
  }
  return error instanceof Error ? error.message.split("\n")[0] : String(error);
}

/** What went wrong with a file, in few words and with what to do. */
export function diskProblem(error: unknown): string {
  const message = reasonOf(error);
  if (error instanceof Deno.errors.NotCapable) {
    const ofSystem = /^Requires all access/.test(error.message);
    return `${message}; ${ofSystem ? "choose another place" : "make the folder writable"}`;
  }
  if (/os error 28\b|os error 122\b|no space left|quota/i.test(message)) {
    return `${message}; free some space`;
  }
  if (/os error (1|13|30)\b|permission denied|read-only/i.test(message)) {
    return `${message}; make the folder writable`;
  }
  return `${message}; check the disk`;
}
