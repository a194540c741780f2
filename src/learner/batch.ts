import type { Tensor } from "../gpu/tensor.ts";
import type { BatchRow } from "../ops/batch_record.ts";
import type { Draws } from "../random.ts";

/** Where a sample's bytes are: an image store or a memory. */
export interface SampleSource {
  readonly source: number;
  readonly tensor: Tensor;
  /** Makes images readable and returns their places; a source without it is read in place. */
  stage?(indices: readonly number[]): number[];
}

/** One image of a batch. */
export interface Sample {
  readonly from: SampleSource;
  /** Image index of a store, or slot of a memory. */
  readonly index: number;
  /** Head number. */
  readonly label: number;
  /** Memory slot that this step writes it to; absent or -1: none. */
  readonly slot?: number;
  /** Quarter turns counterclockwise, 0 to 3; absent: none. */
  readonly turns?: number;
}

/** Samples that are normalised together and share a loss: the stream, a replay, dreams. */
export interface Segment {
  readonly samples: readonly Sample[];
  /** Heads that take part in the softmax. */
  readonly open: ReadonlySet<number>;
  /** Factor of the segment's mean cross-entropy in the loss; default 1. */
  readonly weight?: number;
  /** Samples are memory slots, and their logits are held to those remembered with them. */
  readonly distillation?: Distillation;
}

/** The distillation term of a segment: `weight` times the mean, over samples and heads, of the squared distance. */
export interface Distillation {
  readonly weight: number;
  readonly heads: number;
  /** Remembered logits `[slots, heads]`, heads padded to a multiple of 4. */
  readonly targets: Tensor;
}

/** Random crop and mirroring as in training, or the plain image as in testing. */
export type Augmentation = {
  readonly padding: number;
  readonly flip: boolean;
  readonly random: Draws<"below" | "uniform">;
};

/**
 * The rows of a batch, in order. Each row's weight is that of its segment / (rows of its segment): a segment contributes
 * its weighted mean loss, and the segments add up. Draws per row: crop row, crop column, mirror coin, in the official order; with `augmentation` null
 * the plain image.
 */
export function batchRows(
  segments: readonly Segment[],
  padding: number,
  augmentation: Augmentation | null,
): BatchRow[] {
  const places = stage(segments.flatMap(({ samples }) => samples));
  let row = 0;
  return segments.flatMap(({ samples, weight = 1, distillation }, mask) =>
    samples.map(({ from, index: slotOfRow, label, slot = -1, turns = 0 }): BatchRow => {
      const crops = augmentation !== null && augmentation.padding > 0;
      const top = crops ? augmentation.random.below(2 * padding + 1) : padding;
      const left = crops ? augmentation.random.below(2 * padding + 1) : padding;
      const flip = augmentation?.flip ? augmentation.random.uniform() < 0.5 : false;
      const index = places[row++];
      return {
        source: from.source,
        index,
        top,
        left,
        flip,
        turns,
        label,
        mask,
        weight: weight / samples.length,
        slot,
        target: distillation && {
          slot: slotOfRow,
          weight: distillation.weight / (samples.length * distillation.heads),
        },
      };
    })
  );
}

/** The different sources of a batch, by number. */
export function sourcesOf(segments: readonly Segment[]): SampleSource[] {
  const sources = new Map<number, SampleSource>();
  for (const { samples } of segments) {
    for (const { from } of samples) sources.set(from.source, from);
  }
  return [...sources.values()].sort((a, b) => a.source - b.source);
}

function stage(samples: readonly Sample[]): number[] {
  const places = samples.map(({ index }) => index);
  const sources = new Set(samples.map(({ from }) => from));
  for (const source of sources) {
    if (!source.stage) continue;
    const rows = samples.flatMap(({ from }, row) => from === source ? [row] : []);
    const staged = source.stage(rows.map((row) => samples[row].index));
    rows.forEach((row, i) => places[row] = staged[i]);
  }
  return places;
}
