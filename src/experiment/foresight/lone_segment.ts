import type { Sample, Segment } from "../../learner/batch.ts";
import { dreamsOfFreeHeads } from "../../method/dreams.ts";
import { isOwnMethod, needsOf } from "../../method/methods.ts";
import type { Session } from "../../method/session.ts";
import { Random } from "../../random.ts";
import type { ExperimentConfig } from "../config_types.ts";
import { dreamStore, DryLearner, DryRun } from "../dry_run.ts";
import type { Materials } from "../materials.ts";

/** What a segment is for. */
export type SegmentUse = "stream" | "judge" | "replay" | "episodes" | "dreams";

/** A segment of one image that a run trains on, or moves running statistics with. */
export interface LoneSegment {
  readonly use: SegmentUse;
  /** Counted from 0; null: all tasks are learned at once. */
  readonly task: number | null;
  /** It depends on which heads new classes choose. */
  readonly mayBe: boolean;
  /** What its batches are made of, in words. */
  readonly of: string;
}

/** Other choices of heads that are tried where numbers depend on them. */
const MOST_CHOICES = 24;

/**
 * The first segment of one image of a run, found by a dry run; null: there is none. Exact but for what follows from the
 * choice of heads, where heads have different numbers of dreams: of that some choices are tried.
 */
export async function findLoneSegment(
  config: ExperimentConfig,
  materials: Materials,
): Promise<LoneSegment | null> {
  const found = await tryHeads(config, materials, null);
  if (found || !dependsOnHeads(config, materials)) return found;
  for (let choice = 0; choice < MOST_CHOICES; choice++) {
    const votes = Random.stream(choice, "foreseen votes");
    const possible = await tryHeads(config, materials, votes);
    if (possible) return { ...possible, mayBe: true };
  }
  return null;
}

function dependsOnHeads(config: ExperimentConfig, materials: Materials): boolean {
  if (!needsOf(config).votes) return false;
  const { dreams } = new DryRun(config, materials, new DryLearner(config)).session;
  const counts = dreams?.heads.imagesOfHead.map(({ length }) => length) ?? [];
  return new Set(counts.slice(config.data.classesPerTask)).size > 1;
}

async function tryHeads(
  config: ExperimentConfig,
  materials: Materials,
  votes: Random | null,
): Promise<LoneSegment | null> {
  // Behind the second pass over a task no size is another; a method of one's own may have it otherwise.
  const epochs = isOwnMethod(config.method) ? config.epochs : Math.min(2, config.epochs);
  const learner = new SizeWatch(config, votes);
  const run = new DryRun({ ...config, epochs }, materials, learner);
  try {
    await run.execute();
    return null;
  } catch (error) {
    if (!(error instanceof OneImage)) throw error;
    const task = needsOf(config).jointly ? null : run.task;
    const { use, total } = error;
    const images = use === "judge" ? total : imagesOf(materials, task);
    return { use, task, mayBe: false, of: describe(use, images, run.session, learner.mixesDreams) };
  }
}

/** Thrown where the dry run comes to it. */
class OneImage extends Error {
  constructor(readonly use: SegmentUse, readonly total: number) {
    super("A segment has one image");
  }
}

class SizeWatch extends DryLearner {
  /** Whether dreams were among the images of the stream. */
  mixesDreams = false;
  readonly #votes: Random | null;

  constructor(config: ExperimentConfig, votes: Random | null) {
    super(config);
    this.#votes = votes;
  }

  override step(phase: string, segments: readonly Segment[]): Promise<void> {
    const first = uses[phase] ?? "stream";
    if (first === "stream") {
      this.mixesDreams ||= segments[0].samples.some(({ from }) => from === dreamStore);
    }
    for (const [place, { samples }] of segments.entries()) {
      // Behind the first segment of a step there are replays.
      if (samples.length === 1) throw new OneImage(place === 0 ? first : "replay", 0);
    }
    return Promise.resolve();
  }

  override stepCandidates(phase: string, segments: readonly Segment[]): Promise<void> {
    return this.step(phase, segments);
  }

  override losses(
    batches: readonly (readonly Sample[])[],
    mode: "training" | "inference",
  ): Promise<number[]> {
    if (mode === "training" && batches.some(({ length }) => length === 1)) {
      throw new OneImage("judge", batches.reduce((sum, { length }) => sum + length, 0));
    }
    return super.losses(batches, mode);
  }

  override predictions(
    samples: readonly Sample[],
    masks: readonly unknown[],
  ): Promise<Uint32Array[][]> {
    const random = this.#votes;
    if (!random) return super.predictions(samples, masks);
    const votes = () => Uint32Array.from({ length: this.heads }, () => random.below(100));
    return Promise.resolve(masks.map(() => Array.from({ length: this.heads }, votes)));
  }
}

/** What the first segment of a step is for, by its phase; else it is the stream. */
const uses: Readonly<Record<string, SegmentUse>> = {
  nrem: "episodes",
  rem: "dreams",
  dawn: "replay",
};

/** Training images of a task, or of all. */
function imagesOf({ tasks }: Materials, task: number | null): number {
  const taken = task === null ? tasks : [tasks[task]];
  return taken.reduce((sum, { train }) => sum + train.length, 0);
}

function describe(use: SegmentUse, images: number, session: Session, mixesDreams: boolean): string {
  const { options: { batchSize, replayBatchSize }, longTerm: { judging }, shortTerm } = session;
  const dreams = quantity(dreamsOfFreeHeads(session).length, "dream");
  const inBatches = `in batches of ${batchSize}`;
  switch (use) {
    case "stream":
      return `${quantity(images, "image")}${mixesDreams ? ` and ${dreams}` : ""} ${inBatches}`;
    case "judge":
      return `${quantity(images, "image")} ${inBatches}`;
    case "episodes":
      return `${quantity(shortTerm.filled, "episode")} ${inBatches}`;
    case "dreams":
      return `${dreams} ${inBatches}`;
    case "replay": {
      if (replayBatchSize === 1) return "replayBatchSize 1";
      const beside = judging > 0 ? `, beside ${judging} that judge freezing` : "";
      return `the long-term memory has no other to replay by then${beside}`;
    }
  }
}

function quantity(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
