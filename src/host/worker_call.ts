/// <reference lib="deno.worker" />
import { InputError } from "../errors.ts";
import type { RunEvent } from "../experiment/events.ts";

// Work that waits for the GPU blocks its thread, so it is done in a worker: asked for here, served there.

/** Main thread to worker, once. */
interface Call<Request> {
  readonly request: Request;
  /** One `Int32`: other than 0 means stop. */
  readonly stop: SharedArrayBuffer;
}

/** Worker to main thread: events, then exactly one of the other two. */
type Reply<Result> =
  | { readonly kind: "event"; readonly event: RunEvent }
  | { readonly kind: "done"; readonly result: Result }
  | {
    readonly kind: "failed";
    readonly name: string;
    readonly message: string;
    readonly stack: string | undefined;
  };

/** How a worker is called. */
export interface CallOptions {
  /** Called on this thread for each event, in order. */
  readonly onEvent?: (event: RunEvent) => void;
  /** Aborting asks the work to end cleanly. */
  readonly signal?: AbortSignal;
  /**
   * The process ends soon after the work: its worker is left to that end. A worker that is being closed while the
   * process ends takes drivers down with it (llvmpipe: a segmentation fault in one of twenty processes). Default
   * false.
   */
  readonly endsProcess?: boolean;
}

/** What served work is given beside its request. */
export interface ServeHooks {
  /** True once the user has asked to stop. */
  readonly shouldStop: () => boolean;
  readonly emit: (event: RunEvent) => void;
}

/** How often work that lost its device is started again. */
const MOST_RESTARTS = 3;

/**
 * Does work in a worker of its own and resolves with its result. An `InputError` there is an `InputError` here; any
 * other error keeps its name, message and stack.
 */
export function callWorker<Request, Result>(
  url: URL,
  request: Request,
  { onEvent, signal, endsProcess = false }: CallOptions,
): Promise<Result> {
  const stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const worker = new Worker(url, { type: "module", name: "run" });
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const requestStop = () => void Atomics.store(new Int32Array(stop), 0, 1);

  worker.onmessage = ({ data }: MessageEvent<Reply<Result>>) => {
    try {
      if (data.kind === "event") onEvent?.(data.event);
      else if (data.kind === "done") resolve(data.result);
      else {
        const error = revive(data);
        if (error.name === "DeviceError") worker.terminate(); // another one takes its place
        reject(error);
      }
    } catch (error) {
      reject(error);
    }
  };
  worker.onmessageerror = () => reject(new Error("Cannot read the worker's message"));
  worker.onerror = (event) => {
    event.preventDefault(); // or the whole process ends with a raw stack trace
    reject(new Error(`Cannot run the experiment: the worker failed: ${event.message}`));
  };
  if (signal?.aborted) requestStop();
  signal?.addEventListener("abort", requestStop);

  const message: Call<Request> = { request, stop };
  worker.postMessage(message);
  return promise.finally(() => {
    signal?.removeEventListener("abort", requestStop);
    if (!endsProcess) worker.terminate();
  });
}

/**
 * Calls again where the device is lost, or has no memory left in the middle of the work, up to three times.
 *
 * @param call is told whether it is to go on, and tells by `began` that training has begun: what fails before would
 * fail again.
 */
export async function withRestarts<Result>(
  call: (goesOn: boolean, began: () => void) => Promise<Result>,
  { onEvent, signal, goOnWith }: Pick<CallOptions, "onEvent" | "signal"> & {
    /** A command, for messages. */
    readonly goOnWith: string;
  },
): Promise<Result> {
  let trained = false;
  for (let restarts = 0;; restarts++) {
    try {
      return await call(restarts > 0, () => trained = true);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "DeviceError" || !trained) throw error;
      if (restarts === MOST_RESTARTS || signal?.aborted) {
        const times = restarts === 0 ? "" : ` for the ${restarts + 1}th time`;
        error.message += `; given up${times}, go on later with ${goOnWith}`;
        throw error;
      }
      const text = `${error.message}; starting again from there (${
        restarts + 1
      } of ${MOST_RESTARTS})`;
      onEvent?.({ type: "message", text });
    }
  }
}

/** The worker's side of {@linkcode callWorker}: waits for the request, works, reports how it ended. */
export function serveCalls<Request, Result>(
  work: (request: Request, hooks: ServeHooks) => Promise<Result>,
): void {
  const post = (message: Reply<Result>) => self.postMessage(message);
  const fail = (thrown: unknown) => {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const { name, message, stack } = error;
    post({ kind: "failed", name, message, stack });
  };
  // What is thrown outside of the work's own promise, such as in a timer or a device callback.
  self.addEventListener("error", (event) => {
    event.preventDefault();
    fail(event.error);
  });
  self.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    fail(event.reason);
  });
  self.onmessage = async ({ data: { request, stop } }: MessageEvent<Call<Request>>) => {
    const flag = new Int32Array(stop);
    try {
      const result = await work(request, {
        shouldStop: () => Atomics.load(flag, 0) !== 0,
        emit: (event) => post({ kind: "event", event }),
      });
      post({ kind: "done", result });
    } catch (error) {
      fail(error);
    }
  };
}

function revive(
  { name, message, stack }: Reply<unknown> & { readonly kind: "failed" },
): Error {
  const error = name === "InputError" ? new InputError(message) : new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
