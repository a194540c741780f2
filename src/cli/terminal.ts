/** Where the commands print. */
export interface Terminal {
  /** One line, or several separated by line breaks. */
  print(text: string): void;
  /** Replaces the live line, on a terminal only; "" removes it. */
  live(text: string): void;
  /** Whether `live` shows anything. */
  readonly isLive: boolean;
}

/** Standard output; the live line is kept below what is printed. */
export function standardTerminal(): Terminal {
  const isLive = Deno.stdout.isTerminal();
  let shown = "";
  const write = (text: string) => {
    let bytes = new TextEncoder().encode(text);
    while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
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

function columns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}
