import { InputError } from "../../errors.ts";
import { isOwnMethod, needsOf } from "../../method/methods.ts";
import type { ExperimentConfig } from "../config_types.ts";
import { refuseLoneSegments } from "../foresight/refuse_lone_segments.ts";
import type { Materials } from "../materials.ts";
import type { Override } from "../overrides.ts";
import type { ImageCount } from "../image_counter.ts";
import { countImages } from "./count_images.ts";
import { chooseRows, type Row, rowsOf } from "./rows.ts";
import { type Variation, variedRows } from "./variations.ts";

/** A row whose overrides are complete, and what a run of it moves through the network. */
export interface PlannedRow extends Row {
  readonly images: ImageCount;
}

/** Where configurations and their images come from. */
export interface PlanContext {
  /** The configuration with these keys changed, besides those that the user changed. */
  readonly load: (overrides: readonly Override[]) => Promise<ExperimentConfig>;
  readonly open: (config: ExperimentConfig) => Promise<Materials>;
  /** Of the runs; default: that of the configuration. */
  readonly seeds?: readonly number[];
  /** Rows of the user's own, behind those that are named. */
  readonly variations?: readonly Variation[];
}

/**
 * Settles what each row is and how long it takes, before anything is trained.
 *
 * @throws {InputError} for a row that could not be trained to its end.
 */
export async function planRows(
  names: readonly string[],
  context: PlanContext,
): Promise<PlannedRow[]> {
  const given = await context.load([]);
  const config = isOwnMethod(given.method)
    ? given
    : await context.load([{ path: "method", value: "wscl" }]);
  const materials = await context.open(config);
  const passes = passesOf(config, materials);
  const known = rowsOf(config, passes);
  const rows = [
    ...chooseRows(known, names),
    ...variedRows(context.variations ?? [], config, [...known.main, ...known.ablation]),
  ];
  await refuseEarly(config, materials, context);
  const first = await countImages(config, materials);
  const planned: PlannedRow[] = [{ ...rows[0], images: first }];
  for (const row of rows.slice(1)) {
    const like = row.like ? (await planRow(row.like, first, context)).images : first;
    planned.push(await planRow(row, like, context));
  }
  return planned;
}

/**
 * Passes over a task's stream: the epochs of the merged schedule, or the wake epoch and those over what it left
 * behind.
 */
export function passesOf(
  config: ExperimentConfig,
  { tasks }: Pick<Materials, "tasks">,
): number {
  const { wscl, epochs, memory } = config;
  if (!needsOf(config).sleeps) return epochs;
  const longest = Math.max(...tasks.map(({ train }) => train.length));
  return 1 + Math.round(wscl.sleepEpochs * Math.min(1, memory.shortTerm / longest));
}

async function planRow(row: Row, like: ImageCount, context: PlanContext): Promise<PlannedRow> {
  try {
    return await countRow(row, like, context);
  } catch (error) {
    // What is wrong may be of keys that only the row has.
    if (!(error instanceof InputError || error instanceof RangeError)) throw error;
    throw new InputError(`${error.message} (the row ${row.name})`);
  }
}

async function countRow(row: Row, like: ImageCount, context: PlanContext): Promise<PlannedRow> {
  const overrides = row.matches === "dreams"
    ? [...row.overrides, { path: "dreamStart", value: like.dreamt }]
    : row.overrides;
  const config = await context.load(overrides);
  const materials = await context.open(config);
  if (row.matches !== "images") {
    await refuseEarly(config, materials, context);
    return { ...row, overrides, images: await countImages(config, materials) };
  }
  const { passes: value, images } = await passesFor(config, materials, like.trained);
  await refuseEarly(withPasses(config, value), materials, context);
  const path = passesKeyOf(config);
  const others = overrides.filter((override) => override.path !== path);
  return { ...row, overrides: [...others, { path, value }], images };
}

/** The key that says how long a run of this configuration trains. */
function passesKeyOf(config: ExperimentConfig): "wscl.sleepEpochs" | "epochs" {
  return needsOf(config).sleeps ? "wscl.sleepEpochs" : "epochs";
}

/** The configuration with so many passes over what it learns, awake or asleep. */
export function withPasses(config: ExperimentConfig, passes: number): ExperimentConfig {
  return needsOf(config).sleeps
    ? { ...config, wscl: { ...config.wscl, sleepEpochs: passes } }
    : { ...config, epochs: passes };
}

async function refuseEarly(
  config: ExperimentConfig,
  materials: Materials,
  { seeds = [config.seed] }: PlanContext,
): Promise<void> {
  // A run that begins warns of what cannot be foreseen.
  const quiet = { resumed: null, warn: () => {} };
  for (const seed of seeds) await refuseLoneSegments({ ...config, seed }, materials, quiet);
}

/**
 * The fewest passes, at least one, with which a method trains on at least `target` images: never less than what it is
 * compared with. Passes are those over the short-term memory in one sleep, where the method sleeps, or the epochs.
 *
 * @throws {InputError} where more passes train on no more images.
 */
export async function passesFor(
  config: ExperimentConfig,
  materials: Materials,
  target: number,
): Promise<{ readonly passes: number; readonly images: ImageCount }> {
  const count = async (passes: number) => await countImages(withPasses(config, passes), materials);
  const [one, two] = [await count(1), await count(2)];
  const each = two.trained - one.trained;
  if (each <= 0 && one.trained < target) {
    throw new InputError(
      `Cannot train as long as what it is compared with: more ${passesKeyOf(config)} train on no ` +
        "more images; switch wscl.nrem or wscl.rem on",
    );
  }
  let passes = Math.max(1, 1 + Math.ceil((target - one.trained) / Math.max(1, each)));
  let images = await count(passes);
  while (images.trained < target) images = await count(++passes);
  while (passes > 1) {
    const fewer = await count(passes - 1);
    if (fewer.trained < target) break;
    [passes, images] = [passes - 1, fewer];
  }
  return { passes, images };
}
