import type { RunEvent } from "./events.ts";

/** Writes one event per line to `log.jsonl`; each line is on disk before `write` returns. */
export class RunLog {
  readonly #file: Deno.FsFile;
  readonly #started: number;
  readonly #now: () => number;

  /** Starts the file anew. `now` gives milliseconds since 1970 and is replaced in tests. */
  constructor(path: string, now: () => number = Date.now) {
    this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
    this.#now = now;
    this.#started = now();
  }

  /** Adds `time` (ISO 8601) and `seconds` since the log was opened in front of the event. */
  write(event: RunEvent): void {
    const now = this.#now();
    const seconds = Math.round(now - this.#started) / 1000;
    const line = JSON.stringify({ time: new Date(now).toISOString(), seconds, ...event });
    let bytes = new TextEncoder().encode(line + "\n");
    while (bytes.length > 0) bytes = bytes.subarray(this.#file.writeSync(bytes));
    this.#file.syncDataSync();
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }
}
