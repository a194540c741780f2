import denoConfig from "../../deno.json" with { type: "json" };
import { InputError } from "../errors.ts";
import type { Context } from "./command.ts";
import { examples, wscl } from "./command_table.ts";
import { runCommandLine } from "./commander.ts";
import { environment } from "./environment.ts";
import { visibleText } from "../text.ts";
import { dispensable, OutputError, standardError, standardTerminal } from "./terminal.ts";

/** Runs the command line and returns the exit code: 0 done, 1 failed, 2 bad usage or input, 75 time is up. */
export async function main(
  args: readonly string[],
  options: Partial<Context> = {},
): Promise<number> {
  const context = {
    terminal: standardTerminal(),
    printError: standardError,
    cacheDir: environment("WSCL_CACHE_DIR") ?? ".cache",
    ...options,
  };
  try {
    const { version } = denoConfig;
    return await runCommandLine(wscl, args, { version, examples }, context);
  } catch (error) {
    dispensable(context.terminal).live("");
    // Whoever read the output has all that was wanted: the end that SIGPIPE would bring.
    if (error instanceof OutputError && error.closed) return 141;
    context.printError(visibleText(describeError(error)));
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
