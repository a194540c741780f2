import { InputError } from "../errors.ts";
import { nameText } from "../images/look_alike.ts";
import type { Triple } from "../images/pixel_statistics.ts";
import { DREAMS_PER_EPISODE } from "./config_schema.ts";
import type { ExperimentOptions } from "./config_types.ts";

// What is set for images of which nothing is known but their numbers and sizes. Numbers in, a configuration out: the
// same rules wherever the numbers come from.

/** Images to learn, in numbers. */
export interface OwnImages {
  /** Name of the folder below the data root. */
  readonly folder: string;
  /** In the order in which they are learned. */
  readonly classes: readonly OwnClass[];
  /** Whether the folder has no test images: {@linkcode TEST_SHARE} of each class is then set apart. */
  readonly apart: boolean;
  /** Median of the images' shorter sides, in pixels. */
  readonly shorterSide: number;
  /** Of the training images' pixels between 0 and 1; left out where they have not been measured yet. */
  readonly pixels?: { readonly mean: Triple; readonly std: Triple };
}

/** One class of {@linkcode OwnImages}. */
export interface OwnClass {
  readonly name: string;
  /** Images. */
  readonly train: number;
  /** Images. */
  readonly test: number;
}

/** Images to dream of, in numbers. */
export interface OwnDreams {
  /** Path from the data root. */
  readonly folder: string;
  readonly classes: number;
  readonly images: number;
}

/** What is wanted otherwise than by the rules. */
export interface OwnWishes {
  /** Turned pictures of what is remembered, images of a folder, or none. */
  readonly dreams: "memory" | "none" | OwnDreams;
  readonly classesPerTask?: number;
  /** Height and width the network sees, in pixels. */
  readonly size?: number;
  /** Channels of the first stage. */
  readonly width?: number;
}

/** Share of each class that tests where there are no test images. */
export const TEST_SHARE = 0.1;

/** Least training images of a class. */
export const LEAST_TRAINED = 5;

/** Sides that are chosen from: the network halves them three times. */
const SIZES = [16, 24, 32, 48, 64];

const WIDTH = 16;

/** Remembered images of each class. */
const REMEMBERED = 10;

/** Images of 64 pixels that a network of width 16 may see in all its nights: minutes on two cores without a GPU. */
const WORK = 8000;

const [FEWEST_PASSES, MOST_PASSES] = [3, 10];

/**
 * The configuration for images of one's own. What it leaves out is as it is by default.
 *
 * @throws {InputError} If a class has too few images, the classes do not divide into the tasks that are wanted, or
 * dreams have fewer classes than heads are free.
 */
export function ownConfig(images: OwnImages, wishes: OwnWishes): ExperimentOptions {
  const { classes, apart, folder } = images;
  refuseFewImages(images);
  const classesPerTask = wishes.classesPerTask ?? usualClassesPerTask(classes.length);
  refuseUneven(images, classesPerTask);
  const { dreams } = wishes;
  if (typeof dreams === "object") refuseFewDreams(dreams, classes.length - classesPerTask);
  const size = wishes.size ?? usualSize(images.shorterSide);
  const width = wishes.width ?? WIDTH;
  const taskSizes = sizesOfTasks(classes, classesPerTask);
  const batchSize = usualBatchSize(taskSizes);
  const longTerm = REMEMBERED * classes.length;
  const passes = usualPasses(taskSizes, { size, width, dreams: dreams !== "none" });
  const judged = classesPerTask * Math.max(1, Math.floor(least(classes) / 10));
  const source = { format: "image_folder", resize: "cover" } as const;
  return {
    name: nameFor(folder),
    wscl: {
      freezing: false,
      rem: dreams !== "none",
      dreamsFrom: dreams === "memory" ? "memory" : "images",
      dreamsPerEpisode: DREAMS_PER_EPISODE,
      sleepEpochs: passes,
    },
    // For whoever turns freezing on: as many as there are images for.
    freezing: { validation: judged, buffer: judged },
    data: {
      tasks: classes.length / classesPerTask,
      classesPerTask,
      size,
      ...images.pixels && roundedPixels(images.pixels),
      train: { ...source, folder, ...apart ? { testShare: TEST_SHARE } : {} },
      dreams: typeof dreams === "object" ? { ...source, folder: dreams.folder } : null,
    },
    augmentation: { padding: Math.round(size / 8), flip: true },
    network: { width },
    batchSize,
    replayBatchSize: Math.min(batchSize, longTerm),
    epochs: passes,
    memory: { longTerm, shortTerm: Math.min(5000, Math.max(...taskSizes)) },
    evaluation: { batchSize: 64 },
  };
}

/** The largest of some sizes that does not blow most images up. */
export function usualSize(shorterSide: number): number {
  return SIZES.findLast((size) => size <= shorterSide) ?? SIZES[0];
}

/** 2, or the next number up to 5 that divides the classes into two tasks or more; else 1. */
export function usualClassesPerTask(classes: number): number {
  return [2, 3, 4, 5].find((count) => classes % count === 0 && classes > count) ?? 1;
}

/** Training images of each task. */
export function sizesOfTasks(classes: readonly OwnClass[], classesPerTask: number): number[] {
  return Array.from(
    { length: Math.floor(classes.length / classesPerTask) },
    (_, task) =>
      classes.slice(task * classesPerTask, (task + 1) * classesPerTask)
        .reduce((sum, { train }) => sum + train, 0),
  );
}

/**
 * Some five steps a pass or more, and no last batch of one image, of which batch norm has nothing to learn, where one
 * size does for all tasks.
 */
export function usualBatchSize(taskSizes: readonly number[]): number {
  const fewest = Math.min(...taskSizes);
  const wanted = fewest >= 512 ? 32 : fewest >= 64 ? 16 : 8;
  const near = Array.from({ length: wanted }, (_, i) => [wanted + i, wanted - i]).flat()
    .filter((size) => size >= wanted / 2);
  return near.find((size) => taskSizes.every((count) => count % size !== 1)) ?? wanted;
}

/** Passes over a task in its night, by the training images of each task. */
export function usualPasses(
  taskSizes: readonly number[],
  { size, width, dreams }: { size: number; width: number; dreams: boolean },
): number {
  const images = taskSizes.reduce((sum, count) => sum + count, 0);
  // Each image of the day is replayed beside one of the memory.
  const perPass = images * (2 + (dreams ? DREAMS_PER_EPISODE : 0));
  const cost = (size / 64) ** 2 * (width / 16) ** 2;
  const passes = Math.round(WORK / (perPass * cost));
  return Math.min(MOST_PASSES, Math.max(FEWEST_PASSES, passes));
}

function roundedPixels({ mean, std }: { readonly mean: Triple; readonly std: Triple }) {
  const rounded = (values: Triple, lowest: number) => {
    const [red, green, blue] = values.map((value) => Math.max(lowest, Number(value.toFixed(4))));
    return [red, green, blue] as const;
  };
  // Pictures of one colour have no deviation to divide by.
  return { mean: rounded(mean, 0), std: rounded(std, 0.01) };
}

/** What of the folder's name may name a run. */
function nameFor(folder: string): string {
  return folder.replaceAll(/[^\w.-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").replace(/-+$/, "") ||
    "images";
}

function least(classes: readonly OwnClass[]): number {
  return Math.min(...classes.map(({ train }) => train));
}

function refuseFewImages({ folder, classes, apart }: OwnImages): void {
  const few = classes.filter(({ train }) => train < LEAST_TRAINED);
  if (few.length === 0) return;
  const [{ name, train, test }] = few;
  const has = apart
    ? `${train + test} images, of which ${test} are set apart to test`
    : `${train} training images`;
  const more = few.length > 1 ? ` (and ${few.length - 1} more have too few)` : "";
  throw new InputError(
    `Cannot learn the images of ${folder}: class ${
      nameText(name)
    } has ${has}, and at least ${LEAST_TRAINED} are needed to ` +
      `learn it${more}; add images, or move the folder of the class elsewhere`,
  );
}

function refuseUneven({ folder, classes: { length } }: OwnImages, classesPerTask: number): void {
  if (length % classesPerTask === 0) return;
  const even = Array.from({ length }, (_, i) => i + 1).filter((count) => length % count === 0);
  const near = even.sort((a, b) => Math.abs(a - classesPerTask) - Math.abs(b - classesPerTask))
    .slice(0, 2).sort((a, b) => a - b);
  const over = length % classesPerTask;
  const other = length > classesPerTask
    ? `move ${over === 1 ? "the folder of 1 class" : `the folders of ${over} classes`} elsewhere`
    : "add classes";
  throw new InputError(
    `Cannot divide the ${length} classes of ${folder} into tasks of ${classesPerTask}: every task has as many as the ` +
      `others; choose ${near.join(" or ")} classes a task, or ${other}`,
  );
}

function refuseFewDreams({ folder, classes }: OwnDreams, free: number): void {
  if (classes >= free) return;
  throw new InputError(
    `Cannot dream of the images of ${folder}: they have ${classes} of the ${free} classes that are needed, one for ` +
      `each that is learned behind the first task; add class folders, or dream of what is remembered (memory)`,
  );
}
