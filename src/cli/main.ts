import { CommanderError } from "@commander-js/extra-typings";
import { InputError } from "../errors.ts";
import { environment } from "./environment.ts";
import { createProgram, type ProgramOptions } from "./program.ts";
import { dispensable, OutputError, standardError, standardTerminal } from "./terminal.ts";

/** Runs the command line and returns the exit code: 0 done, 1 failed, 2 bad usage or input, 75 time is up. */
export async function main(
  args: readonly string[],
  options: Partial<ProgramOptions> = {},
): Promise<number> {
  let exitCode = 0;
  const terminal = options.terminal ?? standardTerminal();
  const printError = options.printError ?? standardError;
  const program = createProgram({
    terminal,
    printError,
    cacheDir: environment("WSCL_CACHE_DIR") ?? ".cache",
    setExitCode: (code) => exitCode = code,
    ...options,
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    dispensable(terminal).live("");
    // Whoever read the output has all that was wanted: the end that SIGPIPE would bring.
    if (error instanceof OutputError && error.closed) return 141;
    // Commander has printed its message already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    printError(describeError(error));
    return error instanceof InputError ? 2 : 1;
  }
}

function describeError(thrown: unknown): string {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (environment("WSCL_DEBUG") === "1") return error.stack ?? error.message;
  return error instanceof InputError
    ? `error: ${error.message}`
    : `error: ${error.message}\n(WSCL_DEBUG=1 shows where it happened)`;
}

if (import.meta.main) Deno.exit(await main(Deno.args, { endsProcess: true }));
