import { isOwnMethod, needsOf } from "../../method/methods.ts";
import type { ExperimentConfig } from "../config_types.ts";
import { refuseLoneSegments } from "../foresight/refuse_lone_segments.ts";
import type { Materials } from "../materials.ts";
import type { Override } from "../overrides.ts";
import { countImages, type ImageCount } from "./count_images.ts";
import { chooseRows, type Row, rowsOf } from "./rows.ts";

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
  const rows = chooseRows(rowsOf(config, passes), names);
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
  const overrides = row.matches === "dreams"
    ? [...row.overrides, { path: "dreamStart", value: like.dreamt }]
    : row.overrides;
  const config = await context.load(overrides);
  const materials = await context.open(config);
  if (row.matches !== "images") {
    await refuseEarly(config, materials, context);
    return { ...row, overrides, images: await countImages(config, materials) };
  }
  const { epochs, images } = await epochsFor(config, materials, like.trained);
  await refuseEarly({ ...config, epochs }, materials, context);
  const others = overrides.filter(({ path }) => path !== "epochs");
  return { ...row, overrides: [...others, { path: "epochs", value: epochs }], images };
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
 * The fewest epochs with which a method trains on at least `target` images: never less than what it is compared with.
 */
export async function epochsFor(
  config: ExperimentConfig,
  materials: Materials,
  target: number,
): Promise<{ readonly epochs: number; readonly images: ImageCount }> {
  const count = async (epochs: number) => await countImages({ ...config, epochs }, materials);
  const [one, two] = [await count(1), await count(2)];
  const each = two.trained - one.trained;
  let epochs = Math.max(1, 1 + Math.ceil((target - one.trained) / each));
  let images = await count(epochs);
  while (images.trained < target) images = await count(++epochs);
  while (epochs > 1) {
    const fewer = await count(epochs - 1);
    if (fewer.trained < target) break;
    [epochs, images] = [epochs - 1, fewer];
  }
  return { epochs, images };
}
