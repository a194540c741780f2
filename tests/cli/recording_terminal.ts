import type { Terminal } from "../../src/cli/terminal.ts";

/** A terminal that remembers what it was told. */
export function recordingTerminal(isLive = false) {
  const printed: string[] = [];
  const live: string[] = [];
  const terminal: Terminal = {
    isLive,
    print: (text) => void printed.push(text),
    live: (text) => void live.push(text),
  };
  return { terminal, printed, live };
}
