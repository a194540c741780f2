import type { ExperimentConfig } from "../experiment/config_types.ts";
import { type OwnImages, sizesOfTasks } from "../experiment/own_data.ts";
import type { OwnChoice } from "../host/own_images.ts";
import { nameText } from "../images/look_alike.ts";
import { methodOf, needsOf } from "../method/methods.ts";

/** More classes than these are not listed by name. */
const MOST_NAMES = 12;

/** What was chosen for images of one's own and why, a line for each thing, with what changes it. */
export function describeOwn({ config, images, dreams }: OwnChoice): string {
  const { data, network, memory } = config;
  const { size } = data;
  const learned = images.classes.slice(0, data.tasks * data.classesPerTask);
  const train = sum(learned.map(({ train }) => train));
  const test = sum(learned.map(({ test }) => test));
  const share = "testShare" in data.train ? data.train.testShare : undefined;
  const tested = share === undefined
    ? `${test} to test`
    : `${test} set apart to test: ${Math.round(100 * share)} % of each class, at least 3`;
  return [
    line("images", `${learned.length} classes, ${train} images to learn, ${tested}`),
    line("tasks", `${tasksText(config, learned.map(({ name }) => name))} (--classes-per-task)`),
    line("size", `${size} x ${size} pixels, ${cutText(config)}${images.shorterSide} (--size)`),
    line("network", `ResNet-18 of width ${network.width} (--width)`),
    line("pixels", pixelsText(config, images)),
    line("training", trainingText(config, sizesOfTasks(learned, data.classesPerTask))),
    line("mirroring", mirrorText(config)),
    ...needsOf(config).replays > 0
      ? [line("memory", `${memory.longTerm} images (--set memory.longTerm=N)`)]
      : [],
    ...config.method === "wscl" ? [line("dreams", dreamsText(config, dreams))] : [],
  ].join("\n");
}

const line = (name: string, text: string) => `${name.padEnd(15)}${text}`;

function tasksText(
  { data: { tasks, classesPerTask } }: ExperimentConfig,
  names: readonly string[],
) {
  const count = tasks === 1
    ? `1 task of ${classesPerTask} classes`
    : `${tasks} of ${classesPerTask === 1 ? "1 class" : `${classesPerTask} classes`}`;
  if (names.length > MOST_NAMES) return count;
  const groups = Array.from(
    { length: tasks },
    (_, task) =>
      names.slice(task * classesPerTask, (task + 1) * classesPerTask).map(nameText).join(", "),
  );
  return `${count}: ${groups.join(" | ")}`;
}

/** How images become squares of the network's size, up to the number that led to it. */
function cutText({ data: { train } }: ExperimentConfig): string {
  const cut = "resize" in train && train.resize === "cover" ? "of the centre of each image; " : "";
  return `${cut}the median of the shorter sides is `;
}

function pixelsText({ data: { mean, std } }: ExperimentConfig, { pixels }: OwnImages): string {
  const list = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join("/");
  const isMeasured = pixels !== undefined &&
    mean.every((value, i) => Math.abs(value - pixels.mean[i]) < 1e-4);
  return `mean ${list(mean)}, deviation ${list(std)}` +
    (isMeasured ? ", measured on the training images" : "");
}

function trainingText(config: ExperimentConfig, taskSizes: readonly number[]): string {
  const { batchSize, wscl, epochs } = config;
  const needs = needsOf(config);
  const passes = (count: number) => `${count} ${count === 1 ? "pass" : "passes"}`;
  const trained = needs.sleeps
    ? `${passes(wscl.sleepEpochs)} a night (--set wscl.sleepEpochs=N)`
    : `${passes(epochs)} (--set epochs=N)`;
  const freezing = needs.freezing ? "layers freeze" : "no layer freezes";
  const images = needs.jointly
    ? `all ${sum(taskSizes)} images at once`
    : `at most ${Math.max(...taskSizes)} images a task`;
  return `${methodOf(config).name}: ${images} in batches of ${batchSize}, ${trained}; ${freezing}`;
}

function mirrorText({ augmentation: { flip } }: ExperimentConfig): string {
  return flip ? "at random (--set augmentation.flip=false if left and right matter)" : "none";
}

function dreamsText({ wscl }: ExperimentConfig, dreams: OwnChoice["dreams"]): string {
  if (!wscl.rem) return "none";
  if (wscl.dreamsFrom === "memory") {
    return "turned pictures of what is remembered (--dreams DIR: images of other classes)";
  }
  if (dreams === null) return "images of data.dreams";
  return `${dreams.images} images of ${dreams.classes} classes in ${dreams.folder}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
