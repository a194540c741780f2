import type { Sample, Segment } from "../learner/batch.ts";
import { dreamStore, DryLearner } from "./dry_run.ts";

/** What is counted: images and steps. */
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

/** Counts, as they grow. */
export type Tally = { -readonly [K in keyof ImageCount]: ImageCount[K] };

export const noImages = (): Tally => ({ trained: 0, dreamt: 0, judged: 0, steps: 0 });

/** Learns nothing, and counts what it is given. */
export abstract class ImageCounter extends DryLearner {
  /** Where it is counted now. */
  protected abstract readonly tally: Tally;

  override step(_phase: string, segments: readonly Segment[]): Promise<void> {
    const { tally } = this;
    tally.steps++;
    for (const { samples } of segments) {
      tally.trained += samples.length;
      // Only dreams of memory are turned.
      tally.dreamt += samples.filter(({ from, turns }) => from === dreamStore || turns).length;
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
    this.tally.judged += samples.length;
    return super.rememberLogits(samples);
  }

  override losses(
    batches: readonly (readonly Sample[])[],
    mode: "training" | "inference",
  ): Promise<number[]> {
    this.tally.judged += batches.reduce((sum, batch) => sum + batch.length, 0);
    return super.losses(batches, mode);
  }

  override predictions(
    samples: readonly Sample[],
    masks: readonly unknown[],
  ): Promise<Uint32Array[][]> {
    this.tally.judged += samples.length;
    return super.predictions(samples, masks);
  }
}
