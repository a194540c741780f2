import { InputError } from "../errors.ts";
import { resolveConfig } from "../experiment/config.ts";
import { DREAMS_PER_EPISODE, sectionPaths } from "../experiment/config_schema.ts";
import type { ExperimentConfig, ExperimentOptions } from "../experiment/config_types.ts";
import type { Override } from "../experiment/overrides.ts";
import { usualBatchSize, usualPasses } from "../experiment/own_data.ts";
import { needsOf } from "../method/methods.ts";
import type { Stem } from "../net/resnet18.ts";

/** What is settled when a learner is made, and holds for all its life. */
export interface LearnerSettings {
  /** Height and width that the network sees, in pixels. */
  readonly size: number;
  /** Channels of the first stage. */
  readonly width: number;
  /** How the network begins. */
  readonly stem: "cifar" | "imagenet";
  /** Heads: those without a class live on dreams. */
  readonly maxClasses: number;
  /** Images that the long-term memory holds. */
  readonly memory: number;
  /** Turned pictures of what is remembered, images of others, or none. */
  readonly dreams: "memory" | "images" | "none";
  /** Of pixels between 0 and 1, by channel. */
  readonly mean: readonly [number, number, number];
  /** Of pixels between 0 and 1, by channel. */
  readonly std: readonly [number, number, number];
  /** Of all randomness. */
  readonly seed: number;
  /** Points by which the exam of earlier classes may fall in a night. */
  readonly margin: number;
  /** Generations that are kept. */
  readonly kept: number;
  /** Keys of a run's configuration, changed for every night. */
  readonly changed: readonly Override[];
}

/** What is settled where nothing else is wanted. */
export const USUAL: Omit<LearnerSettings, "mean" | "std"> = {
  size: 64,
  width: 16,
  stem: "cifar",
  maxClasses: 100,
  memory: 500,
  dreams: "none",
  seed: 0,
  margin: 20,
  kept: 3,
  changed: [],
};

/**
 * Training steps on the balanced memory at dawn: beyond the paper, and what a learner of few images gains most by
 * (docs/learner.md).
 */
const CALIBRATION = 60;

/** Up to here a batch may be larger than what there is to fill it. */
const LARGE_BATCH = 64;

/** Smallest size by stem: batch norm has more than one pixel of an image even in the last map. */
const LEAST_SIZE: Readonly<Record<Stem, number>> = { cifar: 16, imagenet: 64 };

/** Keys that the learner itself settles, each with what changes it; others can be changed. */
const SETTLED: readonly (readonly [key: RegExp, instead: string])[] = [
  [/^network\.|^data\.size$/, "give --width, --size or --start"],
  [/^data\.(mean|std)$/, "they are those of the start"],
  [/^data\.|^dreamStart$/, "the images are those that it is taught"],
  [/^wscl\.(rem|dreamsFrom)$/, "give --dreams"],
  [/^memory\./, "give --memory"],
  [/^(name|seed|evaluation\.|log\.)/, "leave it out"],
  [/^wscl\.compat$/, "a learner follows the paper"],
  [/^wscl\.preset$/, "a preset is of whole experiments; set the keys of it that you want"],
];

/** Settings that are whole numbers, each with its least. */
const WHOLE = [
  ["size", 1],
  ["width", 1],
  ["maxClasses", 1],
  ["memory", 1],
  ["seed", 0],
  ["kept", 1],
] as const;

/**
 * The configuration of a night: the rules for images of one's own, for so many training images.
 *
 * @throws {InputError} for settings or changed keys that do not go together.
 */
export function nightConfig(settings: LearnerSettings, images: number): ExperimentConfig {
  const { size, width, stem, maxClasses, memory, mean, std, seed, dreams, changed } = settings;
  const dreaming = dreams !== "none";
  const batchSize = usualBatchSize([images]);
  // Behind the large stem maps have a quarter of their sides.
  const seen = stem === "imagenet" ? size / 4 : size;
  const passes = usualPasses([images], { size: seen, width, dreams: dreaming });
  const judged = Math.max(1, Math.floor(images / 10));
  const source = (folder: string) => ({ format: "image_folder", folder, resize: "cover" } as const);
  const options: ExperimentOptions = {
    name: "learner",
    seed,
    wscl: {
      freezing: false,
      rem: dreaming,
      dreamsFrom: dreams === "images" ? "images" : "memory",
      dreamsPerEpisode: DREAMS_PER_EPISODE,
      sleepEpochs: passes,
      transfer: "dawn",
    },
    calibration: CALIBRATION,
    freezing: { validation: judged, buffer: judged },
    data: {
      tasks: 1,
      classesPerTask: maxClasses,
      size,
      mean,
      std,
      train: source("day"),
      dreams: dreams === "images" ? source("dreams") : null,
    },
    augmentation: { padding: Math.round(size / 8), flip: true },
    network: { width, stem },
    batchSize,
    replayBatchSize: Math.min(batchSize, memory),
    epochs: passes,
    memory: {
      longTerm: memory,
      shortTerm: Math.max(1, Math.min(5000, images)),
      // Classes come in any number of images, and none may be crowded out.
      selection: "balanced",
    },
    evaluation: { batchSize: 64 },
  };
  const config = resolveConfig(options, changed, "the learner's settings");
  // Rows are allocated for whole batches: larger ones than a night can fill would only fail.
  const most = (available: number) => Math.max(LARGE_BATCH, available);
  return {
    ...config,
    batchSize: Math.min(config.batchSize, most(Math.max(images, memory))),
    replayBatchSize: Math.min(config.replayBatchSize, most(memory)),
  };
}

/**
 * The same where freezing is judged on no more than half of a night's images, or a night of few would learn nothing;
 * of a single image nothing is frozen.
 */
export function withFewerJudges(config: ExperimentConfig, images: number): ExperimentConfig {
  const { wscl, freezing } = config;
  const most = Math.floor(images / 2);
  if (!needsOf(config).freezing || freezing.validation <= most) return config;
  return most === 0
    ? { ...config, wscl: { ...wscl, freezing: false } }
    : { ...config, freezing: { ...freezing, validation: most } };
}

/** @throws {InputError} for settings that no learner can live with. */
export function checkSettings(settings: LearnerSettings): void {
  const { size, stem, maxClasses, memory, dreams, margin, changed } = settings;
  const fail = (found: string): never => {
    throw new InputError(`Cannot make a learner: ${found}`);
  };
  for (const [key, least] of WHOLE) {
    const value = settings[key];
    if (!Number.isSafeInteger(value) || value < least) {
      fail(`${key} is ${value}; give a whole number of ${least} or more`);
    }
  }
  if (!Number.isFinite(margin)) fail(`margin is ${margin}; give a number of points`);
  if (!["memory", "images", "none"].includes(dreams)) {
    fail(`dreams is ${dreams}; give memory, none, or images to dream of`);
  }
  if (size < LEAST_SIZE[stem]) {
    fail(
      `images of ${size} pixels are too small for the ${stem} stem; give a size of ${
        LEAST_SIZE[stem]
      } or more`,
    );
  }
  if (maxClasses < 2) fail(`it would know ${maxClasses} class; give room for 2 or more`);
  if (memory < maxClasses) {
    fail(
      `a memory of ${memory} images cannot hold one of each of ${maxClasses} classes; give it ${maxClasses} or more, ` +
        "or lower the number of classes",
    );
  }
  for (const { path } of changed) {
    if (sectionPaths.includes(path)) {
      fail(`${path} cannot be set as a whole: set its keys, as --set ${path}.KEY=VALUE`);
    }
    const settled = SETTLED.find(([key]) => key.test(path));
    if (settled) fail(`${path} cannot be set: ${settled[1]}`);
  }
  const config = nightConfig(settings, 100);
  const needs = needsOf(config);
  if (needs.freezing?.judges === "buffer" && config.freezing.mode !== "training") {
    fail(
      `freezing.mode ${config.freezing.mode} of the merged schedule judges on images of the task before, and a ` +
        'learner has no tasks; use mode "training", or set wscl.freezing=false',
    );
  }
  if (needs.jointly) fail("the method joint wants all images at once; choose another");
  if (needs.logits) fail("methods that remember logits are not kept; choose er_ace, er or wscl");
}
