import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { RunEvent } from "../experiment/events.ts";
import type { Summary } from "../experiment/summary.ts";
import { resumeCommand } from "./run_folder.ts";
import { callWorker, withRestarts } from "./worker_call.ts";
import type { RunPaths, RunPlace, RunRequest, RunSafety, RunWatch } from "./worker_messages.ts";

/** What `launch` needs beside the configuration. */
export interface LaunchOptions extends RunPaths, RunPlace, RunSafety, RunWatch {
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

/**
 * Runs an experiment in a worker of its own and resolves with its summary. Where the device is lost, or has no memory
 * left in the middle of the run, another worker goes on from the last checkpoint, up to three times. An `InputError` of
 * the run is an `InputError` here; any other error keeps its name, message and stack.
 */
export async function launch(config: ExperimentConfig, options: LaunchOptions): Promise<Summary> {
  const { onEvent, signal, endsProcess, worker, ...given } = options;
  const url = worker ?? new URL("./worker.ts", import.meta.url);
  return await withRestarts(
    (goesOn, began) => {
      const watch = (event: RunEvent) => {
        if (event.type === "start") began();
        onEvent?.(event);
      };
      const request: RunRequest = { config, ...given, ...goesOn ? { resume: true } : {} };
      return callWorker(url, request, { onEvent: watch, signal, endsProcess });
    },
    { onEvent, signal, goOnWith: resumeCommand(options) },
  );
}
