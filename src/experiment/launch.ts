import { InputError } from "../errors.ts";
import type { ExperimentConfig } from "./config_types.ts";
import type { RunEvent } from "./events.ts";
import type { Summary } from "./summary.ts";
import type { RunPaths, StartMessage, WorkerMessage } from "./worker_messages.ts";

/** What `launch` needs beside the configuration. */
export interface LaunchOptions extends RunPaths {
  /** Called on this thread for each event, in order. */
  readonly onEvent?: (event: RunEvent) => void;
  /** Aborting asks the run to end cleanly: it resolves with `completed: false`. */
  readonly signal?: AbortSignal;
  /** Replaced in tests. */
  readonly worker?: URL;
}

/**
 * Runs an experiment in a worker of its own and resolves with its summary. An `InputError` of the
 * run is an `InputError` here; any other error keeps its name, message and stack.
 */
export function launch(config: ExperimentConfig, options: LaunchOptions): Promise<Summary> {
  const { onEvent, signal, dataRoot, cacheDir, out, init } = options;
  const stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const worker = new Worker(options.worker ?? new URL("./worker.ts", import.meta.url), {
    type: "module",
    name: "run",
  });
  const { promise, resolve, reject } = Promise.withResolvers<Summary>();
  const requestStop = () => void Atomics.store(new Int32Array(stop), 0, 1);

  worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
    try {
      if (data.kind === "event") onEvent?.(data.event);
      else if (data.kind === "done") resolve(data.summary);
      else reject(revive(data));
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

  const message: StartMessage = { config, stop, dataRoot, cacheDir, out, init };
  worker.postMessage(message);
  return promise.finally(() => {
    signal?.removeEventListener("abort", requestStop);
    worker.terminate();
  });
}

function revive({ name, message, stack }: WorkerMessage & { kind: "failed" }): Error {
  const error = name === "InputError" ? new InputError(message) : new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
