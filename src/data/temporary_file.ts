import { basename, dirname, join } from "node:path";

/** What comes behind the name of the file that a temporary one becomes. */
const SUFFIX = /\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/**
 * A new file that takes its name only when it is whole: renaming is atomic, so that others see all of it or nothing,
 * even if this process is killed. Until then it is locked, by which others know that it is still written. One that is
 * not locked was left by a process that was killed; there is nobody else to remove it.
 */
export class TemporaryFile implements Disposable {
  readonly file: Deno.FsFile;
  readonly #path: string;
  readonly #temporary: string;
  #isRenamed = false;

  /**
   * Makes the file in the folder of `path`, from which those are removed first that killed processes left there.
   *
   * @param isOurs Which files those may have been meant to become, by their names: the one of `path`, unless told.
   * @throws Deno's errors, if it cannot be made.
   */
  constructor(path: string, isOurs = (name: string): boolean => name === basename(path)) {
    removeLeft(dirname(path), isOurs);
    this.#path = path;
    for (;;) {
      const temporary = `${path}.${crypto.randomUUID()}.tmp`;
      const file = Deno.openSync(temporary, { write: true, createNew: true });
      lock(file);
      // Between the two calls above another process may have found it without a lock, and removed it.
      if (isThere(temporary)) {
        [this.#temporary, this.file] = [temporary, file];
        return;
      }
      file.close();
    }
  }

  /** Gives it its name; while it is open, and so locked. */
  rename(): void {
    Deno.renameSync(this.#temporary, this.#path);
    this.#isRenamed = true;
  }

  /** Closes it, and removes it if it has not got its name. */
  [Symbol.dispose](): void {
    this.file.close();
    if (!this.#isRenamed) remove(this.#temporary);
  }
}

function removeLeft(folder: string, isOurs: (name: string) => boolean): void {
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      if (SUFFIX.test(name) && isOurs(name.replace(SUFFIX, ""))) removeUnlocked(join(folder, name));
    }
  } catch {
    // It only saves space; what keeps from writing here is said by who writes.
  }
}

function removeUnlocked(path: string): void {
  try {
    using file = Deno.openSync(path, { read: true, write: true });
    if (file.tryLockSync(true)) remove(path);
  } catch {
    // Another user's, or on a file system without locks: nobody can tell whether it is still written.
  }
}

function lock(file: Deno.FsFile): void {
  try {
    file.lockSync(true);
  } catch {
    // A file system without locks, on which nobody gets one to remove it by.
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch {
    return false;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Whoever renamed or removed it meanwhile was right to, and an earlier failure is the one to report.
  }
}
