import type { Tensor } from "../gpu/tensor.ts";
import type { RememberedExample } from "../images/image_memory.ts";
import type { BatchRow } from "../ops/batch_record.ts";
import type { Draws } from "../random.ts";

/** Where a sample's bytes are: an image store or a memory. */
export interface SampleSource {
  readonly source: number;
  readonly tensor: Tensor;
  /** Makes images readable and returns their places; a source without it is read in place. */
  stage?(indices: readonly number[]): number[];
}

/** What every image of a batch has. */
interface AnySample {
  readonly from: SampleSource;
  /** Head number. */
  readonly label: number;
  /** Memory slot that this step writes it to; absent or -1: none. */
  readonly slot?: number;
  /** Quarter turns counterclockwise, 0 to 3; absent: none. */
  readonly turns?: number;
  /** Row of a distillation's targets; absent: the slot that remembers the sample. */
  readonly target?: number;
}

/** An image of a store. */
export interface StoredSample extends AnySample {
  /** Its index in the image set that the store was loaded from. */
  readonly image: number;
}

/** An example that a memory holds. */
export interface RememberedSample extends AnySample {
  /** The slot that holds it. */
  readonly remembered: number;
}

/** One image of a batch. */
export type Sample = StoredSample | RememberedSample;

/** By what its source knows a sample: the index of an image, or the slot of an example. */
export function placeOf(sample: Sample): number {
  return "image" in sample ? sample.image : sample.remembered;
}

/** Examples of a memory as samples. */
export function samplesOf(
  memory: SampleSource,
  examples: readonly RememberedExample[],
): RememberedSample[] {
  return examples.map(({ slot, label }) => ({ from: memory, remembered: slot, label }));
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

/**
 * The distillation term of a segment: `weight` times the squared distance to remembered logits, summed over heads and
 * divided by samples times `heads`.
 */
export interface Distillation {
  readonly weight: number;
  readonly heads: number;
  /** Which heads are held: all, or those outside of the segment's softmax; default all. */
  readonly over?: "all" | "closed";
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
 * The rows of a batch, in order. Each row's weight is that of its segment / (rows of its segment): a segment
 * contributes its weighted mean loss, and the segments add up. Draws per row: crop row, crop column, mirror coin, in
 * the official order; with `augmentation` null the plain image.
 */
export function batchRows(
  segments: readonly Segment[],
  padding: number,
  augmentation: Augmentation | null,
): BatchRow[] {
  const places = stage(segments.flatMap(({ samples }) => samples));
  let row = 0;
  return segments.flatMap(({ samples, weight = 1, distillation }, mask) =>
    samples.map((sample): BatchRow => {
      const { from, label, slot = -1, turns = 0 } = sample;
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
          slot: sample.target ?? placeOf(sample),
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
  const places = samples.map(placeOf);
  const sources = new Set(samples.map(({ from }) => from));
  for (const source of sources) {
    if (!source.stage) continue;
    const rows = samples.flatMap(({ from }, row) => from === source ? [row] : []);
    const staged = source.stage(rows.map((row) => placeOf(samples[row])));
    rows.forEach((row, i) => places[row] = staged[i]);
  }
  return places;
}
