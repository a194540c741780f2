import { environment } from "./environment.ts";

/** Where the commands print. */
export interface Terminal {
  /** One line, or several separated by line breaks. */
  print(text: string): void;
  /** Replaces the live line, on a terminal only; "" removes it. */
  live(text: string): void;
  /** Whether `live` shows anything. */
  readonly isLive: boolean;
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
  return {
    isLive: terminal.isLive,
    print: (text) => attempt(() => terminal.print(text)),
    live: (text) => attempt(() => terminal.live(text)),
  };
}

/** Standard output, whose failures are {@linkcode OutputError}s; the live line is kept below what is printed. */
export function standardTerminal(): Terminal {
  const isLive = Deno.stdout.isTerminal();
  // The launcher has seen that it is closed; to Deno it is /dev/null then.
  const isClosed = environment("WSCL_NO_OUTPUT") === "1";
  let shown = "";
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
  const eraseLine = "\r\x1b[K";
  return {
    isLive,
    print(text) {
      write(`${shown === "" ? "" : eraseLine}${text}\n${shown}`);
    },
    live(text) {
      if (!isLive) return;
      shown = text.slice(0, Math.max(20, columns() - 1));
      write(eraseLine + shown);
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

function columns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}
