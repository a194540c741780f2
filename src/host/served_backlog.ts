import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isFile } from "../data/folder_listing.ts";

/** In a learner's folder: what its service has acknowledged, and the learner has not taken yet. */
export const BACKLOG = "backlog.sqlite";

/**
 * What waits with the service of a learner, in words, for whoever looks at the learner without it; null: nothing.
 *
 * @param path the learner's folder, or another thing, which has no service
 */
export function waitingAtService(path: string): string | null {
  const file = join(path, BACKLOG);
  if (!isFile(file)) return null;
  const images = countIn(file);
  if (images === 0) return null;
  return images === null
    ? `what waits in ${file} of its service cannot be read`
    : `${images} ${images === 1 ? "image waits" : "images wait"} in ${file} of its service`;
}

/** Null where that cannot be said. */
function countIn(file: string): number | null {
  try {
    const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
    try {
      return Number(database.prepare("SELECT count(*) AS n FROM episodes").get()!.n);
    } finally {
      database.close();
    }
  } catch (error) {
    // Another program's file, or a disk that gives nothing: what is asked for goes on, and says so.
    if ((error as { code?: string }).code === "ERR_SQLITE_ERROR") return null;
    throw error;
  }
}
