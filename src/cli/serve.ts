import { InputError } from "../errors.ts";
import type { Subscription } from "../serve/events.ts";
import { start, type StartOptions } from "../serve/start.ts";
import { stopOnSignals } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

/** `wscl serve`, in plain values. */
export interface ServeOptions extends Omit<StartOptions, "report"> {
  readonly host: string;
  readonly port: number;
  /** Ends it, as a signal would. */
  readonly signal?: AbortSignal;
}

/** Serves a learner until it is stopped; returns the exit code. */
export async function serve(
  { host, port, signal, ...options }: ServeOptions,
  terminal: Terminal,
  printError: (text: string) => void,
): Promise<number> {
  const stop = stopOnSignals((text) => terminal.print(text));
  try {
    const { service, fetch, token, isNewToken } = await start({
      ...options,
      report: ({ message }) => printError(`error: ${message}`),
    });
    try {
      const subscription = service.events.subscribe(null, { isOwn: true });
      const telling = tell(subscription, terminal);
      const listening = Promise.withResolvers<void>();
      const server = listen({
        ...{ hostname: host, port },
        onListen: ({ port }) => {
          const { generation } = service;
          const names = service.classes().classes.filter(({ known }) => known)
            .map(({ name }) => name).slice(0, 10);
          terminal.print(
            `serving        ${options.learner}, generation ${generation}: ${
              names.join(", ") || "it knows no class yet"
            }`,
          );
          const at = host.includes(":") ? `[${host}]` : host;
          terminal.print(`at             http://${at}:${port}, described in /openapi.json`);
          if (isNewToken) {
            terminal.print(`token          ${token} (WSCL_TOKEN or --token-file name another)`);
          }
          listening.resolve();
        },
      }, (request, { remoteAddr }) => fetch(request, remoteAddr.hostname));
      await listening.promise;
      await aborted([stop.signal, ...signal ? [signal] : []]);
      service.events.close(); // or readers of events would keep the server from ending
      await Promise.race([server.shutdown(), pause(5000)]);
      await telling;
    } finally {
      await service.close();
    }
    return 0;
  } finally {
    stop.release();
  }
}

/** @throws {InputError} where nobody can listen there. */
function listen(
  options: Deno.ServeTcpOptions,
  handle: Deno.ServeHandler<Deno.NetAddr>,
): Deno.HttpServer {
  try {
    return Deno.serve(options, handle);
  } catch (error) {
    const [found] = (error as Error).message.split("\n");
    throw new InputError(
      `Cannot listen at ${options.hostname}:${options.port}: ${found}; choose another --port or --host`,
    );
  }
}

/** Prints what happens, but for steps. */
async function tell(subscription: Subscription, terminal: Terminal): Promise<void> {
  for (;;) {
    const event = await subscription.next(60_000);
    if (event === undefined) return;
    if (event === null || event.type === "step" || event.type === "phase") continue;
    const { id: _, type, ...facts } = event;
    const { text = JSON.stringify(facts) } = facts as { text?: string };
    terminal.print(`${type.padEnd(15)}${text}`);
  }
}

function aborted(signals: readonly AbortSignal[]): Promise<void> {
  const signal = AbortSignal.any([...signals]);
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => Deno.unrefTimer(setTimeout(resolve, milliseconds)));
}
