import { writing } from "./durable.ts";
import type { LoggedEvent, RunEvent } from "../experiment/events.ts";

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

/**
 * The events of a log, or of its first `bytes`; none where there is no log. Lines that are no event, as one that was cut
 * while it was written, are passed over, and `passedOver` is told how many.
 */
export function readLog(
  path: string,
  { bytes = Infinity, passedOver = () => {} }: {
    readonly bytes?: number;
    readonly passedOver?: (lines: number) => void;
  } = {},
): LoggedEvent[] {
  let text: string;
  try {
    text = new TextDecoder().decode(Deno.readFileSync(path).subarray(0, bytes));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const lines = text.split("\n").filter((line) => line !== "");
  const events = lines.flatMap(eventOf);
  if (events.length < lines.length) passedOver(lines.length - events.length);
  return events;
}

function eventOf(line: string): LoggedEvent[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return [];
  }
  const { time, seconds, ...event } = Object(parsed);
  if (typeof event.type !== "string") return [];
  return [{ at: seconds * 1000, time: Date.parse(time), event }];
}
