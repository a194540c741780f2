import { environment } from "./environment.ts";

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type StopSignal = keyof typeof CODES;

/** A run that can be stopped from outside. */
export interface Stop {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** The exit code that the signal asks for; 0 before any signal. */
  code(): number;
  /** Stops listening. */
  release(): void;
}

/**
 * The first Ctrl-C, SIGTERM or SIGHUP (the terminal was closed) asks the run to end cleanly, another Ctrl-C or SIGTERM
 * ends the program at once; SIGHUP does not, since shell and system each send one when a terminal closes. Where SIGHUP
 * was ignored when the program was started, as `nohup` does, it stays so; the launcher tells it in
 * `WSCL_IGNORES_HANGUP`.
 */
export function stopOnSignals(say: (text: string) => void): Stop {
  const controller = new AbortController();
  let code = 0;
  const unix = Deno.build.os !== "windows";
  const stops: StopSignal[] = unix ? ["SIGINT", "SIGTERM"] : ["SIGINT"];
  if (unix && environment("WSCL_IGNORES_HANGUP") !== "1") stops.push("SIGHUP");
  const listeners = stops.map((signal) => {
    const listener = () => {
      code = CODES[signal];
      // The next one does what signals do to a program that does not listen. Deno.exit would close the driver while it
      // computes, which ends in a crash as often as not.
      stopListening();
      say("Stopping after this step; once more stops at once");
      controller.abort();
    };
    return [signal, listener] as const;
  });
  const stopListening = () => {
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  };
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  // Without a listener Deno ends at SIGHUP even where its parent ignores it.
  if (unix) Deno.addSignalListener("SIGHUP", survive);
  return {
    signal: controller.signal,
    code: () => code,
    release() {
      stopListening();
      if (unix) Deno.removeSignalListener("SIGHUP", survive);
    },
  };
}

function survive(): void {}
