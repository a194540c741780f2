import type { Sample, Segment } from "../../learner/batch.ts";
import { isOwnMethod } from "../../method/methods.ts";
import type { BatchSizes } from "../../net/network.ts";
import type { ExperimentConfig } from "../config_types.ts";
import { DryLearner, DryRun } from "../dry_run.ts";
import type { Materials } from "../materials.ts";
import { trainingRows } from "../training_rows.ts";

/** A batch as kernels see it. */
export type Batch = BatchSizes;

/** Batches that do the same have the same key. */
export const keyOfBatch = ({ segments, inference }: Batch): string =>
  `${inference ? "inference" : "training"} ${segments}`;

/**
 * Every different batch of a run, found by a dry run, the whole training step first. What depends on the choice of
 * heads may come about otherwise.
 */
export async function foreseeBatches(
  config: ExperimentConfig,
  materials: Materials,
): Promise<Batch[]> {
  // Behind the second pass over a task no size is another; a method of one's own may have it otherwise.
  const epochs = isOwnMethod(config.method) ? config.epochs : Math.min(2, config.epochs);
  const watch = new BatchWatch(config);
  await new DryRun({ ...config, epochs }, materials, watch).execute();
  return [...watch.batches.values()].toSorted((a, b) =>
    Number(a.inference) - Number(b.inference) || rowsOf(b) - rowsOf(a)
  );
}

const rowsOf = ({ segments }: Batch) => segments.reduce((a, b) => a + b, 0);

class BatchWatch extends DryLearner {
  readonly batches = new Map<string, Batch>();
  readonly #mostRows: number;

  constructor(config: ExperimentConfig) {
    super(config);
    this.#mostRows = Math.max(trainingRows(config), config.evaluation.batchSize);
  }

  override step(_phase: string, segments: readonly Segment[]): Promise<void> {
    this.#note({ segments: segments.map(({ samples }) => samples.length), inference: false });
    return Promise.resolve();
  }

  override stepCandidates(phase: string, segments: readonly Segment[]): Promise<void> {
    return this.step(phase, segments);
  }

  override losses(
    batches: readonly (readonly Sample[])[],
    mode: "training" | "inference",
  ): Promise<number[]> {
    for (const { length } of batches) {
      this.#note({ segments: [length], inference: mode === "inference" });
    }
    return super.losses(batches, mode);
  }

  override predictions(
    samples: readonly Sample[],
    masks: readonly unknown[],
  ): Promise<Uint32Array[][]> {
    this.#noteParts(samples.length);
    return super.predictions(samples, masks);
  }

  override remember(samples: readonly Sample[] = []): Promise<void> {
    this.#noteParts(samples.length);
    return Promise.resolve();
  }

  override rememberLogits(samples: readonly Sample[]): Promise<void> {
    this.#noteParts(samples.length);
    return Promise.resolve();
  }

  /** Of so many samples, as many at a time as there is room for. */
  #noteParts(count: number): void {
    for (let left = count; left > 0; left -= this.#mostRows) {
      this.#note({ segments: [Math.min(left, this.#mostRows)], inference: true });
    }
  }

  #note(batch: Batch): void {
    this.batches.set(keyOfBatch(batch), batch);
  }
}
