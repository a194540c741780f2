import type { Screen } from "../../src/cli/live/screen.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

/** A terminal that remembers what it was told; drawings as they look on this screen. */
export function recordingTerminal(
  isLive = false,
  screen: Screen = { columns: 80, rows: 24, colour: false },
) {
  const printed: string[] = [];
  const live: string[] = [];
  const terminal: Terminal = {
    isLive,
    print: (text) => void printed.push(text),
    live: (shown) => void live.push(typeof shown === "string" ? shown : shown(screen)),
  };
  return { terminal, printed, live };
}
