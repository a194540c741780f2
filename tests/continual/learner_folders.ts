/** Folders of learners, to be compared and copied. */

import { join } from "node:path";

/** Bytes of all files of the last generation. */
export function lastFiles(path: string): Record<string, Uint8Array> {
  const generations = join(path, "generations");
  const last = [...Deno.readDirSync(generations)].map(({ name }) => name).sort().at(-1)!;
  return Object.fromEntries(
    [...Deno.readDirSync(join(generations, last))].map(({ name }) => name).sort()
      .map((name) => [name, Deno.readFileSync(join(generations, last, name))]),
  );
}

/** A copy of a folder with all that is in it. */
export function copyFolder(from: string, to: string): string {
  Deno.mkdirSync(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (isDirectory) copyFolder(source, target);
    else Deno.copyFileSync(source, target);
  }
  return to;
}
