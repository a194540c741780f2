import { join } from "node:path";
import denoConfig from "../../../deno.json" with { type: "json" };
import { InputError } from "../../errors.ts";
import { writing } from "../durable.ts";

/** Of jobs: a worker of another version would make other runs of them. */
export const VERSION = `${denoConfig.version}/1`;

/** Which queue a sweep's folder belongs to; null where it belongs to none. */
export function queueOfFolder(out: string): string | null {
  let text: string;
  try {
    text = Deno.readTextFileSync(join(out, "queue.json"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const { queue } = Object(parsed(text));
  if (typeof queue === "string" && /^wscl-[0-9a-f-]{36}$/.test(queue)) return queue;
  throw new InputError(
    `Cannot use the folder ${out}: its queue.json names no queue; remove the file`,
  );
}

/**
 * The queue of a sweep's folder, with a name of its own: so a worker whose folder is another one, where it could not
 * see the runs of others, takes none of its jobs.
 */
export function makeQueueOfFolder(out: string): string {
  Deno.mkdirSync(out, { recursive: true });
  const path = join(out, "queue.json");
  const text = JSON.stringify({ queue: `wscl-${crypto.randomUUID()}` }) + "\n";
  writing(path, () => {
    const own = `${path}.${Deno.pid}.part`;
    Deno.writeTextFileSync(own, text);
    try {
      // A link is made by one process alone, and never seen half-written.
      Deno.linkSync(own, path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    } finally {
      Deno.removeSync(own);
    }
  });
  return queueOfFolder(out)!;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
