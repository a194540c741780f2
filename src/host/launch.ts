import { InputError } from "../errors.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { RunEvent } from "../experiment/events.ts";
import { resumeCommand } from "./run_folder.ts";
import type { Summary } from "../experiment/summary.ts";
import type {
  RunPaths,
  RunPlace,
  RunSafety,
  StartMessage,
  WorkerMessage,
} from "./worker_messages.ts";

/** What `launch` needs beside the configuration. */
export interface LaunchOptions extends RunPaths, RunPlace, RunSafety {
  /** Called on this thread for each event, in order. */
  readonly onEvent?: (event: RunEvent) => void;
  /** Aborting asks the run to end cleanly: it resolves with `completed: false`. */
  readonly signal?: AbortSignal;
  /**
   * The process ends soon after the run: its worker is left to that end. A worker that is being closed while the
   * process ends takes drivers down with it (llvmpipe: a segmentation fault in one of twenty processes). Default
   * false.
   */
  readonly endsProcess?: boolean;
  /** Replaced in tests. */
  readonly worker?: URL;
}

/** How often a run that lost its device is started again. */
const MOST_RESTARTS = 3;

/**
 * Runs an experiment in a worker of its own and resolves with its summary. Where the device is lost, or has no memory
 * left in the middle of the run, another worker goes on from the last checkpoint, up to three times. An `InputError` of
 * the run is an `InputError` here; any other error keeps its name, message and stack.
 */
export async function launch(config: ExperimentConfig, options: LaunchOptions): Promise<Summary> {
  const { onEvent, signal } = options;
  let trained = false;
  const watch = (event: RunEvent) => {
    trained ||= event.type === "start";
    onEvent?.(event);
  };
  let resume = options.resume;
  for (let restarts = 0;; restarts++) {
    try {
      return await launchOnce(config, { ...options, resume, onEvent: watch });
    } catch (error) {
      // What fails before training began would fail again.
      if (!(error instanceof Error) || error.name !== "DeviceError" || !trained) throw error;
      if (restarts === MOST_RESTARTS || signal?.aborted) {
        const times = restarts === 0 ? "" : ` for the ${restarts + 1}th time`;
        error.message += `; given up${times}, go on later with ${resumeCommand(options)}`;
        throw error;
      }
      const text = `${error.message}; starting again from there (${
        restarts + 1
      } of ${MOST_RESTARTS})`;
      onEvent?.({ type: "message", text });
      resume = true;
    }
  }
}

function launchOnce(config: ExperimentConfig, options: LaunchOptions): Promise<Summary> {
  const { onEvent, signal, worker: url, endsProcess = false, ...given } = options;
  const stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const worker = new Worker(url ?? new URL("./worker.ts", import.meta.url), {
    type: "module",
    name: "run",
  });
  const { promise, resolve, reject } = Promise.withResolvers<Summary>();
  const requestStop = () => void Atomics.store(new Int32Array(stop), 0, 1);

  worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
    try {
      if (data.kind === "event") onEvent?.(data.event);
      else if (data.kind === "done") resolve(data.summary);
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

  const message: StartMessage = { config, stop, ...given };
  worker.postMessage(message);
  return promise.finally(() => {
    signal?.removeEventListener("abort", requestStop);
    if (!endsProcess) worker.terminate();
  });
}

function revive({ name, message, stack }: WorkerMessage & { kind: "failed" }): Error {
  const error = name === "InputError" ? new InputError(message) : new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
