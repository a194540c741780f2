import { environment } from "./environment.ts";
import { LiveArea } from "./live/live_area.ts";
import { visibleText } from "../text.ts";
import type { Drawing } from "./live/screen.ts";

/** Where the commands print. */
export interface Terminal {
  /** One line, or several separated by line breaks. */
  print(text: string): void;
  /** Replaces the live lines, on a terminal only; "" removes them. */
  live(shown: string | Drawing): void;
  /** Whether `live` shows anything. */
  readonly isLive: boolean;
  /** Takes what happens as it is, in place of lines that tell it; absent: lines are wanted. */
  readonly event?: (event: object) => void;
}

/** Nothing more can be printed: nobody reads it any more, as with `| head`, or the disk is full. */
export class OutputError extends Error {
  /** Whether the reader went away. */
  readonly closed: boolean;

  /** Made of what the system said. */
  constructor(cause: Error) {
    super(
      `Cannot print: ${cause.message}; send the output where there is room for it and somebody reads it`,
      { cause },
    );
    this.name = "OutputError";
    this.closed = cause instanceof Deno.errors.BrokenPipe;
  }
}

/** A terminal that is shown whatever is printed as text: names and files may hold what would command it. */
export function plain(terminal: Terminal): Terminal {
  return { ...terminal, print: (text) => terminal.print(visibleText(text)) };
}

/**
 * A terminal for what is worth doing even if nobody reads along: the first failure to print is told to `onFailure`, and
 * nothing is printed after it.
 */
export function dispensable(
  terminal: Terminal,
  onFailure?: (error: OutputError) => void,
): Terminal {
  let lost = false;
  const attempt = (print: () => void) => {
    if (lost) return;
    try {
      print();
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      lost = true;
      onFailure?.(error);
    }
  };
  const { event } = terminal;
  return {
    isLive: terminal.isLive,
    print: (text) => attempt(() => terminal.print(text)),
    live: (shown) => attempt(() => terminal.live(shown)),
    ...event ? { event: (told: object) => attempt(() => event(told)) } : {},
  };
}

/** Standard output, whose failures are {@linkcode OutputError}s; the live lines are kept below what is printed. */
export function standardTerminal(): Terminal {
  // A dumb terminal cannot go back to a line that it has shown.
  const isLive = Deno.stdout.isTerminal() && environment("TERM") !== "dumb";
  const colour = isLive && (environment("NO_COLOR") ?? "") === "";
  // The launcher has seen that it is closed; to Deno it is /dev/null then.
  const isClosed = environment("WSCL_NO_OUTPUT") === "1";
  const write = (text: string) => {
    if (isClosed) throw new OutputError(new Error("standard output is closed"));
    let bytes = new TextEncoder().encode(text);
    while (bytes.length > 0) {
      try {
        bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) throw new OutputError(error as Error);
        pause(10); // a full pipe that somebody made non-blocking
      }
    }
  };
  const area = new LiveArea(write, () => ({ ...screenSize(), colour }));
  const redraw = () => {
    try {
      area.redraw();
    } catch (error) {
      // Whoever draws the next time is told.
      if (!(error instanceof OutputError)) throw error;
    }
  };
  let clock: ReturnType<typeof setInterval> | null = null;
  /** Draws again where the size changes, and every second, so that times go on between two events. */
  const watch = (wanted: boolean) => {
    if (wanted === (clock !== null)) return;
    if (clock !== null) clearInterval(clock);
    clock = wanted ? setInterval(redraw, 1000) : null;
    if (Deno.build.os === "windows") return; // it has no such signal
    if (wanted) Deno.addSignalListener("SIGWINCH", redraw);
    else Deno.removeSignalListener("SIGWINCH", redraw);
  };
  return {
    isLive,
    print: (text) => area.print(text),
    live(shown) {
      if (!isLive) return;
      watch(typeof shown !== "string");
      area.show(shown);
    },
  };
}

/** Lines on standard error; where that is gone as well, as with a closed terminal, nobody is left to be told. */
export function standardError(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
  } catch {
    // The exit code has to do.
  }
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Of the terminal; what is usual where nobody knows. */
function screenSize(): { columns: number; rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    return { columns: columns || 80, rows: rows || 24 };
  } catch {
    return { columns: 80, rows: 24 };
  }
}
