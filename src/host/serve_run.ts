import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { Summary } from "../experiment/summary.ts";
import { serveCalls } from "./worker_call.ts";
import type { RunOptions, RunRequest } from "./worker_messages.ts";

/** The worker's side of `launch`: waits for the start message, runs, reports how it ended. */
export function serveRun(
  run: (config: ExperimentConfig, options: RunOptions) => Promise<Summary>,
): void {
  serveCalls(({ config, ...given }: RunRequest, hooks) => run(config, { ...given, ...hooks }));
}
