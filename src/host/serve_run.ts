/// <reference lib="deno.worker" />
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { Summary } from "../experiment/summary.ts";
import type { RunOptions, StartMessage, WorkerMessage } from "./worker_messages.ts";

/** The worker's side of `launch`: waits for the start message, runs, reports how it ended. */
export function serveRun(
  run: (config: ExperimentConfig, options: RunOptions) => Promise<Summary>,
): void {
  const post = (message: WorkerMessage) => self.postMessage(message);
  const fail = (thrown: unknown) => {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const { name, message, stack } = error;
    post({ kind: "failed", name, message, stack });
  };
  // What is thrown outside of the run's own promise, such as in a timer or a device callback.
  self.addEventListener("error", (event) => {
    event.preventDefault();
    fail(event.error);
  });
  self.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    fail(event.reason);
  });
  self.onmessage = async ({ data }: MessageEvent<StartMessage>) => {
    const { config, stop, ...given } = data;
    const flag = new Int32Array(stop);
    try {
      const summary = await run(config, {
        ...given,
        shouldStop: () => Atomics.load(flag, 0) !== 0,
        emit: (event) => post({ kind: "event", event }),
      });
      post({ kind: "done", summary });
    } catch (error) {
      fail(error);
    }
  };
}
