import type { Dataset, ImageSet } from "../images/image_set.ts";
import type { TaskSplit } from "../images/task_stream.ts";
import type { ExperimentConfig } from "./config_types.ts";

/** Images of an experiment, and which task may read which of them. */
export interface Materials {
  readonly dataset: Dataset;
  /** Null where the method does not dream. */
  readonly dreams: ImageSet | null;
  readonly tasks: readonly TaskSplit[];
  /** For each task, the training images on which the heads of its classes are chosen. */
  readonly headChoice: readonly Uint32Array[];
}

/**
 * Images that task `index` reads: to train, to validate, to choose heads, and those by which the previous task judges.
 */
export function streamImages({ tasks, headChoice }: Materials, index: number): Uint32Array {
  const { train, validation } = tasks[index];
  const previous = tasks[index - 1]?.freezingBuffer ?? [];
  const choosing = index > 0 ? headChoice[index] : [];
  return Uint32Array.from(new Set([...train, ...validation, ...previous, ...choosing]));
}

/** Names of the classes that no task has. */
export function leftOut({ data }: ExperimentConfig, { train }: Dataset): readonly string[] {
  return train.classNames.slice(data.tasks * data.classesPerTask);
}
