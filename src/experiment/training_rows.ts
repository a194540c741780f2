import { needsOf } from "../method/methods.ts";
import type { ExperimentConfig } from "./config_types.ts";

/** Images in a training step of a configuration: what is tuned for. */
export function trainingRows(config: ExperimentConfig): number {
  return config.batchSize + Math.max(1, needsOf(config).replays) * config.replayBatchSize;
}
