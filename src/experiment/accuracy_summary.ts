import { needsOf } from "../method/methods.ts";
import { compatOf } from "./config.ts";
import type { ExperimentConfig } from "./config_types.ts";
import type { Measured } from "./learn_tasks.ts";
import { summarizeMatrix } from "./metrics.ts";
import type { AccuracySummary } from "./summary.ts";

/**
 * What a run measured in one scenario, and what is derived from it: nothing before the run is complete, and of a joint
 * run, which has learned all tasks at once, the average alone.
 */
export function accuracySummary(
  measured: Measured,
  config: ExperimentConfig,
  completed: boolean,
): AccuracySummary {
  const { matrix } = measured;
  const none = {
    finalAverage: null,
    backwardTransfer: null,
    forwardTransfer: null,
    forgetting: null,
  };
  if (!completed) return { matrix, ...none };
  if (needsOf(config).jointly) {
    const row = matrix[0];
    return { matrix, ...none, finalAverage: row.reduce((a, b) => a + b, 0) / row.length };
  }
  return summarizeMatrix(measured, compatOf(config));
}
