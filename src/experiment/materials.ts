import { openDataset, openDreams } from "../data/dataset.ts";
import { nameText } from "../data/look_alike.ts";
import type { Dataset, ImageSet, Progress } from "../data/image_set.ts";
import { splitTasks, type TaskSplit } from "../data/task_stream.ts";
import { InputError } from "../errors.ts";
import { needsOf } from "../method/methods.ts";
import { compatOf } from "./config.ts";
import type { ExperimentConfig } from "./config_types.ts";
import { headChoiceImages } from "./head_choice.ts";

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
 * Opens the data sets that a configuration names and divides them into tasks. Images are held out for freezing only
 * where the method searches for it: baselines train on everything.
 *
 * @throws {InputError} where data and configuration do not fit.
 */
export async function openMaterials(
  config: ExperimentConfig,
  context: {
    dataRoot: string;
    cacheDir: string;
    progress: Progress;
    warn: (message: string) => void;
  },
): Promise<Materials> {
  const { data, dreamStart } = config;
  const dataset = await openDataset(data.train, context);
  const dreaming = needsOf(config).dreams || dreamStart > 0;
  const dreams = dreaming && data.dreams ? await openDreams(data.dreams, context) : null;
  checkClasses(config, dataset);
  noteLeftOut(config, dataset, context.warn);
  checkSize(config, dataset.train);
  if (dreams) checkSize(config, dreams);
  return divide(config, dataset, dreams);
}

/** Divides images into tasks. */
export function divide(
  config: ExperimentConfig,
  dataset: Dataset,
  dreams: ImageSet | null,
): Materials {
  const { data: { tasks, classesPerTask }, freezing: { validation, buffer } } = config;
  const { freezing } = needsOf(config);
  const compat = compatOf(config);
  const { train, test } = dataset;
  const splits = splitTasks({
    trainLabels: train.labels,
    testLabels: test.labels,
    classNames: train.classNames,
    tasks,
    classesPerTask,
    validation: freezing ? validation : 0,
    freezingBuffer: freezing?.judges === "buffer" ? buffer : 0,
    compat,
  });
  return {
    dataset,
    dreams,
    tasks: splits,
    headChoice: headChoiceImages(train.labels, splits, compat),
  };
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

function checkClasses({ data }: ExperimentConfig, { name, train }: Dataset): void {
  const wanted = data.tasks * data.classesPerTask;
  if (wanted > train.classNames.length) {
    throw new InputError(
      `Cannot split ${name} into tasks: ${data.tasks} tasks of ${data.classesPerTask} classes need ${wanted} classes, ` +
        `it has ${train.classNames.length}; lower data.tasks or data.classesPerTask`,
    );
  }
}

/** Names of the classes that no task has. */
export function leftOut({ data }: ExperimentConfig, { train }: Dataset): readonly string[] {
  return train.classNames.slice(data.tasks * data.classesPerTask);
}

function noteLeftOut(
  config: ExperimentConfig,
  dataset: Dataset,
  note: (text: string) => void,
): void {
  const names = leftOut(config, dataset);
  if (names.length === 0) return;
  const some = names.slice(0, 10).map(nameText).join(", ") +
    (names.length > 10 ? ` and ${names.length - 10} more` : "");
  const { tasks, classesPerTask } = config.data;
  note(
    `${dataset.name}: ${tasks} tasks of ${classesPerTask} classes learn the first ${
      tasks * classesPerTask
    } of its ${dataset.train.classNames.length}, left out: ${some}`,
  );
}

function checkSize({ data }: ExperimentConfig, images: ImageSet): void {
  if (images.height !== data.size || images.width !== data.size) {
    throw new InputError(
      `Cannot train on ${images.name}: its images have ${images.height}x${images.width} pixels, data.size is ` +
        `${data.size}; set data.size to what the images have`,
    );
  }
}
