import { join } from "node:path";

/** Files and bytes below a learner's folder, its history left out. */
export function folderSize(folder: string): { readonly files: number; readonly bytes: number } {
  let [files, bytes] = [0, 0];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (name === "nights.jsonl") continue;
    const below = isDirectory ? folderSize(path) : { files: 1, bytes: Deno.statSync(path).size };
    files += below.files;
    bytes += below.bytes;
  }
  return { files, bytes };
}
