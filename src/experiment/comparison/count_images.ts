import type { Sample, Segment } from "../../learner/batch.ts";
import type { ExperimentConfig } from "../config_types.ts";
import { dreamStore, DryLearner, DryRun } from "../dry_run.ts";
import type { Materials } from "../materials.ts";

/** Images that a run moves through its network. */
export interface ImageCount {
  /** Through training steps: stream, replays and dreams; those of freezing candidates once for each candidate. */
  readonly trained: number;
  /** Of these, dreams. */
  readonly dreamt: number;
  /** Through the network in inference: evaluation, choice of heads, judging. */
  readonly judged: number;
  /** Training steps. */
  readonly steps: number;
}

/**
 * Counts the images of a run by a dry one. Exact where the method does not search for what to freeze and all dream
 * classes have equally many images. A freezing search counts as if nothing were frozen before, the most that it can
 * cost.
 */
export async function countImages(
  config: ExperimentConfig,
  materials: Materials,
): Promise<ImageCount> {
  const learner = new CountingLearner(config);
  await new DryRun(config, materials, learner).execute();
  const { trained, dreamt, judged, steps } = learner;
  return { trained, dreamt, judged, steps };
}

class CountingLearner extends DryLearner {
  trained = 0;
  dreamt = 0;
  judged = 0;
  steps = 0;

  override step(_phase: string, segments: readonly Segment[]): Promise<void> {
    this.steps++;
    for (const { samples } of segments) {
      this.trained += samples.length;
      // Only dreams of memory are turned.
      this.dreamt += samples.filter(({ from, turns }) => from === dreamStore || turns).length;
    }
    return Promise.resolve();
  }

  override async stepCandidates(
    phase: string,
    segments: readonly Segment[],
    candidates: readonly unknown[],
  ): Promise<void> {
    for (const _ of candidates) await this.step(phase, segments);
  }

  override rememberLogits(samples: readonly Sample[]): Promise<void> {
    this.judged += samples.length;
    return super.rememberLogits(samples);
  }

  override losses(
    batches: readonly (readonly Sample[])[],
    mode: "training" | "inference",
  ): Promise<number[]> {
    this.judged += batches.reduce((sum, batch) => sum + batch.length, 0);
    return super.losses(batches, mode);
  }

  override predictions(
    samples: readonly Sample[],
    masks: readonly unknown[],
  ): Promise<Uint32Array[][]> {
    this.judged += samples.length;
    return super.predictions(samples, masks);
  }
}
