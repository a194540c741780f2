import * as v from "valibot";
import { freezableBlocks, stems } from "../net/resnet18.ts";
import { lossSlots } from "../learner/options.ts";
import { PRESET_NAMES } from "./presets.ts";
import { RESIZES } from "../images/source.ts";
import { BASES, isOwnMethod, METHODS } from "../method/methods.ts";
import type { BaseName } from "./config_types.ts";

// One schema per section. Defaults are what was found best (docs/method.md), the official values (optimizer,
// memories, epochs) or the paper's (short-term memory, sleep, share). Each `check` text completes "KEY is VALUE,
// expected ...".

const count = (least: number, most = 2 ** 31 - 1) =>
  v.pipe(
    v.number(),
    v.check(
      (value) => Number.isSafeInteger(value) && value >= least && value <= most,
      most === 2 ** 31 - 1
        ? `a whole number of at least ${least}`
        : `a whole number from ${least} to ${most}`,
    ),
  );

const real = (accepts: (value: number) => boolean, expected: string) =>
  v.pipe(v.number(), v.check((value) => Number.isFinite(value) && accepts(value), expected));

const triple = (accepts: (value: number) => boolean, expected: string) => {
  const item = real(accepts, expected);
  return v.strictTuple([item, item, item]);
};

/** A section may be left out: each of its keys then takes its default. */
const section = <E extends v.ObjectEntries>(entries: E) =>
  v.optional(v.strictObject(entries), {} as never);

/** REM steps for each NREM step, by default: as in the paper (docs/method.md). */
export const DREAMS_PER_EPISODE = 1;

const methodNames = METHODS.map(({ name }) => JSON.stringify(name));

const methodName = v.pipe(
  v.string(),
  v.check(
    (name) => isOwnMethod(name) || METHODS.some((method) => method.name === name),
    `${methodNames.join(" or ")}, or the path of a module`,
  ),
);

const classItems = v.array(
  v.custom<number | string>(
    (item) => typeof item === "string" || (Number.isSafeInteger(item) && Number(item) >= 0),
    'a class number, a name or a range such as "0-99"',
  ),
);

const files = {
  folder: v.string(),
  trainPerClass: v.optional(v.nullable(count(1)), null),
  testPerClass: v.optional(v.nullable(count(1)), null),
  subsetSeed: v.optional(count(0, 2 ** 32 - 1), 0),
  classes: v.optional(v.nullable(classItems), null),
  exclude: v.optional(classItems, []),
  size: v.optional(count(4, 1024)),
};

const pictures = { ...files, resize: v.optional(v.picklist(RESIZES), "none") };

const source = v.variant("format", [
  v.strictObject({ format: v.literal("cifar10"), ...files }),
  v.strictObject({
    format: v.literal("cifar100"),
    ...files,
    labels: v.optional(v.picklist(["fine", "coarse"]), "fine"),
  }),
  v.strictObject({ format: v.literal("idx"), ...files }),
  v.strictObject({
    format: v.literal("image_folder"),
    ...pictures,
    classList: v.optional(v.nullable(v.string()), null),
    testShare: v.optional(
      real((value) => value > 0 && value <= 0.5, "a number above 0 and at most 0.5"),
    ),
  }),
  v.strictObject({ format: v.literal("core50"), ...pictures }),
  v.strictObject({
    format: v.literal("drawn"),
    drawn: v.strictObject({
      kind: v.picklist(["shapes", "dreams"]),
      classes: count(1, 1000),
      trainPerClass: count(1),
      testPerClass: count(1),
    }),
    size: v.optional(count(4, 1024)),
    seed: v.optional(count(0, 2 ** 32 - 1), 0),
  }),
]);

export const experimentSchema = v.strictObject({
  name: v.pipe(
    v.string(),
    v.check(
      (name) => /^[A-Za-z0-9][\w.-]*$/.test(name),
      "letters, digits, '-', '_' and '.' only, because it names the run folder",
    ),
  ),
  method: v.optional(methodName, "wscl"),
  methodOptions: v.optional(
    v.record(v.string(), v.union([v.number(), v.boolean(), v.string()])),
    {},
  ),
  seed: v.optional(count(0, 2 ** 32 - 1), 0),
  wscl: section({
    // Written out before anything is checked; what is left here is a wrong name.
    preset: v.optional(v.picklist(PRESET_NAMES)),
    base: v.optional(v.picklist(BASES as readonly BaseName[]), "er_ace"),
    schedule: v.optional(v.picklist(["staged", "merged"]), "staged"),
    freezing: v.optional(v.boolean(), false),
    nrem: v.optional(v.boolean(), true),
    rem: v.optional(v.boolean(), true),
    dreamsFrom: v.optional(v.picklist(["images", "memory"]), "images"),
    headAssignment: v.optional(v.boolean(), true),
    headVotes: v.optional(v.picklist(["all", "free"]), "all"),
    dreamsPerEpisode: v.optional(
      v.union([v.literal("all"), real((value) => value > 0, 'a number above 0, or "all"')]),
      DREAMS_PER_EPISODE,
    ),
    remOpens: v.optional(v.picklist(["all", "current", "free"]), "all"),
    wakeReplay: v.optional(v.boolean(), false),
    transfer: v.optional(v.picklist(["nrem", "dusk", "dawn"]), "dusk"),
    sleepEpochs: v.optional(count(0, 10_000), 10),
    compat: v.optional(v.picklist(["paper", "official"]), "paper"),
  }),
  derpp: section({
    alpha: v.optional(real((value) => value >= 0, "a number of at least 0"), 0.1),
    beta: v.optional(real((value) => value >= 0, "a number of at least 0"), 0.5),
  }),
  freezing: section({
    mode: v.optional(v.picklist(["training_and_buff", "training", "buffer"]), "training_and_buff"),
    validation: v.optional(count(0), 1000),
    buffer: v.optional(count(0), 200),
    share: v.optional(
      real((value) => value >= 0 && value < 1, "a number of at least 0 and below 1"),
      0.1,
    ),
    maxBlocks: v.optional(count(0, freezableBlocks), freezableBlocks),
    margin: v.optional(
      real((value) => value >= 0 && value < 1, "a number of at least 0 and below 1"),
      0,
    ),
  }),
  data: v.strictObject({
    tasks: count(1, 1000),
    classesPerTask: count(1, 1000),
    size: v.optional(count(4, 1024), 32),
    mean: v.optional(
      triple((value) => value >= 0 && value <= 1, "a number from 0 to 1"),
      [0.5, 0.5, 0.5],
    ),
    std: v.optional(
      triple((value) => value > 0 && value <= 1, "a number above 0 and at most 1"),
      [0.25, 0.25, 0.25],
    ),
    train: source,
    dreams: v.optional(v.nullable(source), null),
  }),
  augmentation: section({
    padding: v.optional(count(0, 64), 4),
    flip: v.optional(v.boolean(), true),
  }),
  network: section({
    width: v.optional(count(1, 512), 64),
    stem: v.optional(v.picklist(stems), "cifar"),
    keepHead: v.optional(v.boolean(), false),
  }),
  precision: v.optional(v.picklist(["full", "mixed"]), "full"),
  optimizer: section({
    learningRate: v.optional(real((value) => value > 0, "a number above 0"), 0.03),
    momentum: v.optional(
      real((value) => value >= 0 && value < 1, "a number of at least 0 and below 1"),
      0,
    ),
    weightDecay: v.optional(real((value) => value >= 0, "a number of at least 0"), 0),
    nesterov: v.optional(v.boolean(), false),
  }),
  batchSize: v.optional(count(1, 65_536), 32),
  replayBatchSize: v.optional(count(1, 65_536), 32),
  epochs: v.optional(count(1, 100_000), 10),
  dreamStart: v.optional(count(0), 0),
  calibration: v.optional(count(0), 0),
  memory: section({
    longTerm: v.optional(count(0), 200),
    shortTerm: v.optional(count(1), 5000),
    selection: v.optional(v.picklist(["reservoir", "balanced"]), "reservoir"),
  }),
  evaluation: section({
    batchSize: v.optional(count(1, 65_536), 256),
    logitAdjustment: v.optional(
      real((value) => value >= 0 && value <= 100, "a number from 0 to 100"),
      0,
    ),
  }),
  log: section({ every: v.optional(count(1, lossSlots), 20) }),
});

/** The parsed experiment before the checks that look at several keys. */
export type ParsedExperiment = v.InferOutput<typeof experimentSchema>;

/** Paths of all keys, sections included, dot-separated. */
export const knownPaths: readonly string[] = [...new Set(pathsOf(experimentSchema, ""))];

/** Paths of the keys that hold other keys; `""` is the whole. */
export const sectionPaths: readonly string[] = [
  "",
  "methodOptions",
  ...knownPaths.filter((path) => knownPaths.some((other) => other.startsWith(`${path}.`))),
];

function pathsOf(schema: unknown, prefix: string): string[] {
  return entriesOf(schema).flatMap(([key, child]) => [
    prefix + key,
    ...pathsOf(child, `${prefix}${key}.`),
  ]);
}

/** The keys of an object schema, seen through `optional`, `nullable`, `pipe` and `variant`. */
function entriesOf(schema: unknown): [string, unknown][] {
  const { entries, wrapped, options } = schema as {
    entries?: Record<string, unknown>;
    wrapped?: unknown;
    options?: readonly unknown[];
  };
  if (entries) return Object.entries(entries);
  if (wrapped) return entriesOf(wrapped);
  return (options ?? []).flatMap((option) => typeof option === "object" ? entriesOf(option) : []);
}
