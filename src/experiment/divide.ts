import { InputError } from "../errors.ts";
import type { Dataset, ImageSet } from "../images/image_set.ts";
import { nameText } from "../images/look_alike.ts";
import { splitTasks } from "../images/task_stream.ts";
import { needsOf } from "../method/methods.ts";
import { compatOf } from "./config.ts";
import type { ExperimentConfig } from "./config_types.ts";
import { headChoiceImages } from "./head_choice.ts";
import { leftOut, type Materials } from "./materials.ts";

/** The images of an experiment, before they are divided into tasks. */
export type OpenedImages = Pick<Materials, "dataset" | "dreams">;

/** Whether an experiment wants its dream images opened: the method dreams, or it starts on dreams. */
export function wantsDreams(config: ExperimentConfig): boolean {
  return needsOf(config).dreams || config.dreamStart > 0;
}

/**
 * Divides the images of an experiment into tasks. Images are held out for freezing only where the method searches for
 * it: baselines train on everything. `note` is told of classes that no task has.
 *
 * @throws {InputError} where data and configuration do not fit.
 */
export function divide(
  config: ExperimentConfig,
  { dataset, dreams }: OpenedImages,
  note: (text: string) => void,
): Materials {
  const { data, freezing: { validation, buffer } } = config;
  const needs = needsOf(config);
  checkClasses(config, dataset);
  noteLeftOut(config, dataset, note);
  checkSize(config, dataset.train);
  if (dreams) checkSize(config, dreams);
  const compat = compatOf(config);
  const tasks = splitTasks({
    trainLabels: dataset.train.labels,
    testLabels: dataset.test.labels,
    classNames: dataset.train.classNames,
    tasks: data.tasks,
    classesPerTask: data.classesPerTask,
    validation: needs.freezing ? validation : 0,
    freezingBuffer: needs.freezing?.judges === "buffer" ? buffer : 0,
    compat,
  });
  return {
    dataset,
    dreams,
    tasks,
    headChoice: headChoiceImages(dataset.train.labels, tasks, compat),
  };
}

function checkClasses({ data }: ExperimentConfig, { name, train }: Dataset): void {
  const wanted = data.tasks * data.classesPerTask;
  if (wanted > train.classNames.length) {
    throw new InputError(
      `Cannot split ${name} into tasks: ${data.tasks} tasks of ${data.classesPerTask} classes need ` +
        `${wanted} classes, it has ${train.classNames.length}; lower data.tasks or data.classesPerTask`,
    );
  }
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
