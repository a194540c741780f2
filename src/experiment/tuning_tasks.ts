import type { Conv2dTask } from "../check/kernel_case.ts";
import { tasksOf } from "../check/tune.ts";
import { storedTypes } from "../ops/storage.ts";
import type { ExperimentConfig } from "./config_types.ts";
import { trainingRows } from "./training_rows.ts";

/** What there is to tune for a configuration. */
export function tuningTasks(config: ExperimentConfig): Conv2dTask[] {
  const { data: { size }, network: { width, stem }, precision } = config;
  return tasksOf({ width, size, stem, batch: trainingRows(config) }, storedTypes[precision]);
}
