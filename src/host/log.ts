import { writing } from "./durable.ts";
import type { RunEvent } from "../experiment/events.ts";

/** Writes one event per line to `log.jsonl`; each line is on disk before `write` returns. */
export class RunLog {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #started: number;
  readonly #now: () => number;

  #bytes = 0;

  /**
   * Starts the file anew, or goes on behind the first `bytes` of it, written in the first `seconds` of a run. `now`
   * gives milliseconds since 1970 and is replaced in tests.
   */
  constructor(
    path: string,
    now: () => number = Date.now,
    from: { readonly bytes: number; readonly seconds: number } = { bytes: 0, seconds: 0 },
  ) {
    this.#path = path;
    this.#file = writing(path, () => Deno.openSync(path, { write: true, create: true }));
    // A file that lost lines since is not made longer: that would fill it with zeros.
    this.#bytes = Math.min(from.bytes, this.#file.statSync().size);
    this.#file.truncateSync(this.#bytes);
    this.#file.seekSync(0, Deno.SeekMode.End);
    this.#now = now;
    this.#started = now() - from.seconds * 1000;
  }

  /** Length of the file. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds `time` (ISO 8601) and `seconds` since the log was opened in front of the event. */
  write(event: RunEvent): void {
    const now = this.#now();
    const seconds = Math.round(now - this.#started) / 1000;
    const line = JSON.stringify({ time: new Date(now).toISOString(), seconds, ...event });
    let bytes = new TextEncoder().encode(line + "\n");
    this.#bytes += bytes.length;
    writing(this.#path, () => {
      while (bytes.length > 0) bytes = bytes.subarray(this.#file.writeSync(bytes));
      this.#file.syncDataSync();
    });
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }
}

/** An event, and when it was. */
export interface LoggedEvent {
  /** Milliseconds since the run began, as the log counts them. */
  readonly at: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly event: RunEvent;
}

/**
 * The events of a log, or of its first `bytes`; none where there is no log, and none of a line that was cut while it was
 * written.
 */
export function readLog(path: string, bytes = Infinity): LoggedEvent[] {
  let text: string;
  try {
    text = new TextDecoder().decode(Deno.readFileSync(path).subarray(0, bytes));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return text.split("\n").flatMap((line): LoggedEvent[] => {
    try {
      const { time, seconds, ...event } = JSON.parse(line);
      return [{ at: seconds * 1000, time: Date.parse(time), event }];
    } catch {
      return [];
    }
  });
}
