import type { BatchHeader, BatchRecord, BatchRow } from "../ops/batch_record.ts";
import { batchRows, type Segment } from "./batch.ts";
import type { LearnerOptions } from "./options.ts";

/** Writes segments of samples to the batch record, augmented as a learner's options say. */
export class BatchWriter {
  readonly #record: BatchRecord;
  readonly #options: Pick<LearnerOptions, "images" | "flip" | "augmentRandom">;

  constructor(
    record: BatchRecord,
    options: Pick<LearnerOptions, "images" | "flip" | "augmentRandom">,
  ) {
    this.#record = record;
    this.#options = options;
  }

  /** The rows of a batch; drawn anew at each call, where they are augmented. */
  rows(segments: readonly Segment[], augmented: boolean): BatchRow[] {
    const { images: { padding }, flip, augmentRandom: random } = this.#options;
    return batchRows(segments, padding, augmented ? { padding, flip, random } : null);
  }

  /** `masks`: the open heads of each mask that the rows name. */
  write(
    header: BatchHeader,
    rows: readonly BatchRow[],
    masks: readonly ReadonlySet<number>[],
  ): void {
    this.#record.write(header, rows, masks);
  }
}
