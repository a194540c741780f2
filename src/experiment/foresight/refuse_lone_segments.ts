import { InputError } from "../../errors.ts";
import { isOwnMethod } from "../../method/methods.ts";
import { architectureOf } from "../build.ts";
import type { ExperimentConfig } from "../config_types.ts";
import type { Materials } from "../materials.ts";
import { findLoneSegment, type LoneSegment, type SegmentUse } from "./lone_segment.ts";

/** How far another batch size is looked for on either side. */
const MOST_TRIES = 16;

/** What is told of a run before it trains. */
export interface ForesightContext {
  /** Folder of a run that is to go on; null: it is a new one. */
  readonly resumed: string | null;
  /** Told where nothing can be foreseen. */
  readonly warn: (text: string) => void;
}

/**
 * A run must not meet a segment of one image where the network's last map is a single pixel: batch norm has one value
 * per channel then, and no variance. It would be seen only when the run comes to it, after hours perhaps.
 *
 * @throws {InputError} with the numbers that lead to one, and others that do not.
 */
export async function refuseLoneSegments(
  config: ExperimentConfig,
  materials: Materials,
  { resumed, warn }: ForesightContext,
): Promise<void> {
  const { outputHeight, outputWidth } = architectureOf(config).blocks.at(-1)!.second;
  if (outputHeight * outputWidth > 1) return;
  let found: LoneSegment | null;
  try {
    found = await findLoneSegment(config, materials);
  } catch (error) {
    // A method of one's own may ask more of a learner than a dry one has.
    if (!isOwnMethod(config.method)) throw error;
    warn(`The batches of ${config.method} cannot be foreseen (${(error as Error).message})`);
    return;
  }
  if (!found) return;
  const { use, task, mayBe, of } = found;
  const where = task === null ? named[use] : `${named[use]} of task ${task + 1}`;
  const has = mayBe
    ? "may have one image, depending on the heads that classes choose"
    : "has one image";
  const why = `${where} ${has} (${of}), and batch norm cannot normalise one image where the last ` +
    `map is 1x1, as of images of ${config.data.size} pixels`;
  const fix = await fixFor(config, materials, use);
  throw new InputError(
    resumed === null
      ? `Cannot train ${config.method}: ${why}; ${fix}`
      : `Cannot resume ${resumed}: ${why}; start it anew (--overwrite) with other numbers: ${fix}`,
  );
}

const named: Readonly<Record<SegmentUse, string>> = {
  stream: "a batch",
  judge: "a batch of the images that judge freezing",
  replay: "a replay",
  episodes: "a batch of the episodes",
  dreams: "a batch of the dreams",
};

/** Values that do, found by trying them, and what else may. */
async function fixFor(
  config: ExperimentConfig,
  materials: Materials,
  use: SegmentUse,
): Promise<string> {
  const isSound = async (changed: ExperimentConfig) =>
    await findLoneSegment(changed, materials) === null;
  const set: string[] = [];
  let start = config;
  if (use === "replay" && config.replayBatchSize === 1) {
    const longTerm = Math.max(2, config.memory.longTerm);
    start = { ...config, replayBatchSize: 2, memory: { ...config.memory, longTerm } };
    if (config.memory.longTerm < 2) set.push("memory.longTerm to 2");
    set.push("replayBatchSize to 2");
    if (await isSound(start)) return `set ${set.join(" and ")}`;
  }
  const nearest = async (step: 1 | -1) => {
    for (let tries = 1; tries <= MOST_TRIES; tries++) {
      const batchSize = config.batchSize + step * tries;
      if (batchSize < 2) return [];
      if (await isSound({ ...start, batchSize })) return [batchSize];
    }
    return [];
  };
  const sizes = [...await nearest(-1), ...await nearest(1)];
  if (sizes.length === 0) return others[use];
  return `set ${[...set, `batchSize to ${sizes.join(" or ")}`].join(" and ")}, or ${others[use]}`;
}

const others: Readonly<Record<SegmentUse, string>> = {
  stream: "give the task another number of images",
  judge: "set freezing.validation and freezing.buffer to other numbers",
  replay: "set memory.longTerm or freezing.share to another number",
  episodes: "set memory.shortTerm to another number",
  dreams: "give the dream classes more images",
};
