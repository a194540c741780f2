const SIGNALS = [["SIGINT", 130], ["SIGTERM", 143]] as const;

/** A run that can be stopped from outside. */
export interface Stop {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** The exit code that the signal asks for; 0 before any signal. */
  code(): number;
  /** Stops listening. */
  release(): void;
}

/** The first Ctrl-C or SIGTERM asks the run to end cleanly, the second ends the program at once. */
export function stopOnSignals(
  say: (text: string) => void,
  exit: (code: number) => void = Deno.exit,
): Stop {
  const controller = new AbortController();
  let code = 0;
  const listeners = SIGNALS.map(([signal, signalCode]) => {
    const listener = () => {
      if (code !== 0) return exit(signalCode);
      code = signalCode;
      say("Stopping after this step; once more stops at once");
      controller.abort();
    };
    return [signal, listener] as const;
  }).filter(([signal]) => Deno.build.os !== "windows" || signal === "SIGINT");
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    signal: controller.signal,
    code: () => code,
    release() {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
