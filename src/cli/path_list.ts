import { join, resolve } from "node:path";
import { InputError } from "../errors.ts";

/** Paths for one of Deno's flags, which separates them by commas and cannot quote one. */
export class PathList {
  readonly #paths = new Set<string>();

  /** Adds paths that the user can change, with where links in them lead. @throws {InputError} Where one has a comma. */
  add(...paths: readonly string[]): void {
    const unusable = paths.find((path) => path.includes(","));
    if (unusable !== undefined) {
      throw new InputError(
        `Cannot use ${unusable}: Deno cannot permit a path with a comma; rename or choose another`,
      );
    }
    this.addUsable(...paths);
  }

  /** The same, but leaves out what has a comma. */
  addUsable(...paths: readonly string[]): void {
    for (const path of paths) {
      if (path === "") continue;
      // Deno asks for the path as it was given in some places, and for where it really is in others.
      const real = behindLinks(path);
      for (const one of real === resolve(path) ? [path] : [path, real]) {
        if (!one.includes(",")) this.#paths.add(one);
      }
    }
  }

  /** `--allow-read=a,b`; nothing for an empty list. */
  flags(name: string): string[] {
    return this.#paths.size === 0 ? [] : [`--${name}=${[...this.#paths].join(",")}`];
  }
}

/** Where a path is, all links followed, as far as it exists. */
function behindLinks(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    const given = path.replace(/\/+$/, "");
    const slash = given.lastIndexOf("/");
    const folder = slash < 0 ? "." : given.slice(0, slash) || "/";
    const at = join(behindLinks(folder), given.slice(slash + 1));
    // A link that leads to nothing yet; one that leads in a circle is another error, and stays as it is.
    const target = error instanceof Deno.errors.NotFound ? linkAt(at) : null;
    return target === null ? at : behindLinks(resolve(at, "..", target));
  }
}

/** Where a link leads; null where there is none. */
function linkAt(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}
