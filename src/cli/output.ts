import { InputError } from "../errors.ts";
import { type Context, lasting } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/** How much of what happens is told, and to whom. */
export interface OutputOptions {
  /** Nothing but errors. */
  readonly quiet: boolean;
  /** To programs: an object per line. */
  readonly json: boolean;
}

/**
 * The terminal of a command that is worth more than what it prints: where printing fails, that is said, and
 * `whatGoesOn`.
 *
 * @throws {InputError} where nothing and JSON are both asked for.
 */
export function outputOf(
  context: Context,
  { quiet, json }: OutputOptions,
  whatGoesOn: string,
): Terminal {
  if (quiet && json) {
    throw new InputError(
      "Cannot print nothing and --json: leave --quiet out, or read log.jsonl afterwards",
    );
  }
  if (quiet) return silent;
  const terminal = lasting(context, whatGoesOn);
  return json ? jsonTerminal(terminal) : terminal;
}

const silent: Terminal = { isLive: false, print() {}, live() {} };

/** Prints what happens, and lines as messages, as an object a line, with its time (ISO 8601). */
function jsonTerminal(terminal: Terminal): Terminal {
  const event = (told: object) =>
    terminal.print(JSON.stringify({ time: new Date().toISOString(), ...told }));
  return {
    isLive: false,
    print: (text) => event({ type: "message", text: text.trim() }),
    live() {},
    event,
  };
}
