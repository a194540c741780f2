import type { Dispatch } from "../gpu/dispatch.ts";
import { Program } from "../gpu/program.ts";
import { Arena, type Tensor } from "../gpu/tensor.ts";
import type { Network } from "../net/network.ts";
import { type AugmentOptions, recordAugment } from "../ops/augment.ts";
import { maxSegments } from "../ops/batch_norm.ts";
import { BatchRecord } from "../ops/batch_record.ts";
import { recordCrossEntropy } from "../ops/cross_entropy.ts";
import { recordLargest } from "../ops/largest.ts";
import { recordMse } from "../ops/mse.ts";
import { recordPredict } from "../ops/predict.ts";
import { recordSgd, type SgdOptions } from "../ops/sgd.ts";
import { recordStoreImages } from "../ops/store_images.ts";
import { recordStoreLogits } from "../ops/store_logits.ts";
import type { SampleSource } from "./batch.ts";

/** Losses that are kept on the GPU until they are read back. */
export const lossSlots = 1024;

/** What a learner's programs are recorded over. */
export interface LearnerProgramOptions {
  readonly network: Network;
  readonly images: AugmentOptions;
  readonly sgd: SgdOptions;
}

/** The parts that a learner's programs are put together from, the tensors they share, and the programs built so far. */
export class LearnerPrograms {
  /** What changes from batch to batch. */
  readonly batch: BatchRecord;
  /** By slot. */
  readonly losses: Tensor;
  /** Bits of the largest magnitudes of gradients and of values. */
  readonly largest: Tensor;
  /** `[masks * heads, heads]`: predictions by label. */
  readonly counts: Tensor;
  readonly #options: LearnerProgramOptions;
  readonly #arena: Arena;
  readonly #programs = new Map<string, Program>();

  constructor(options: LearnerProgramOptions) {
    this.#options = options;
    const { gpu, activations, architecture: { heads } } = options.network;
    this.#arena = new Arena(gpu, "learner");
    this.batch = new BatchRecord(this.#arena, {
      maxRows: activations.rows,
      maxMasks: maxSegments,
      heads,
    });
    this.losses = this.#arena.tensor("losses", [lossSlots]);
    this.largest = this.#arena.tensor("largest magnitudes", [2], "u32");
    this.counts = this.#arena.tensor("counts", [2 * heads, heads], "u32");
  }

  /** The program of this key, built when it is first asked for. */
  async get(key: string, record: () => Dispatch[]): Promise<Program> {
    const known = this.#programs.get(key);
    if (known) return known;
    const program = await Program.build(this.#options.network.gpu, key, record());
    this.#programs.set(key, program);
    return program;
  }

  /** From the stores' bytes to the network's input. */
  augment(rows: number, sources: readonly SampleSource[]): Dispatch[] {
    const { images, network } = this.#options;
    return sources.map(({ source, tensor }) =>
      recordAugment({
        ...images,
        rows,
        source,
        batch: this.batch.tensor,
        images: tensor,
        input: network.activations.input,
      })
    );
  }

  /** Forward, loss, backward and update over the network's input; `start`: see {@linkcode Network.recordForward}. */
  update(sizes: readonly number[], targets: Tensor | null = null, start = 0): Dispatch[] {
    const { network, sgd } = this.#options;
    const rows = sizes.reduce((a, b) => a + b, 0);
    return [
      ...network.recordForward(sizes, "training", start),
      this.crossEntropy(rows),
      ...(targets ? [recordMse({ ...this.#lossTensors(rows), targets })] : []),
      ...network.recordBackward(sizes),
      recordSgd({
        ...sgd,
        batch: this.batch.tensor,
        gradients: network.gradients,
        mask: network.mask,
        values: network.values,
        velocities: network.velocities,
      }),
    ];
  }

  /** The loss of the logits, and its gradient. */
  crossEntropy(rows: number): Dispatch {
    return recordCrossEntropy(this.#lossTensors(rows));
  }

  /** Copies the images of a batch that have a slot from their sources into a memory. */
  storeImages(rows: number, sources: readonly SampleSource[], memory: Tensor): Dispatch[] {
    const { height, width } = this.#options.images;
    return sources.filter(({ tensor }) => tensor !== memory).map(({ source, tensor }) =>
      recordStoreImages({
        rows,
        area: height * width,
        source,
        batch: this.batch.tensor,
        images: tensor,
        memory,
      })
    );
  }

  /** Copies the logits of those rows into `memory`. */
  storeLogits(rows: number, memory: Tensor): Dispatch {
    const { logits } = this.#options.network.activations;
    return recordStoreLogits({ rows, batch: this.batch.tensor, logits, memory });
  }

  /** Counts predictions over the heads that are open in one of the batch's masks. */
  predict(rows: number, mask: number): Dispatch {
    const { activations: { logits }, architecture: { heads } } = this.#options.network;
    const { batch: { tensor: batch }, counts } = this;
    return recordPredict({ rows, heads, mask, offset: mask * heads, batch, logits, counts });
  }

  /** Finds the largest magnitudes of what is not frozen. */
  watch(): Dispatch {
    const { gradients, values, mask } = this.#options.network;
    return recordLargest({ gradients, values, mask, result: this.largest });
  }

  destroy(): void {
    for (const program of this.#programs.values()) program.destroy();
    this.#programs.clear();
    this.#arena.destroy();
  }

  #lossTensors(rows: number) {
    const { activations: { logits, gLogits, rowLosses }, architecture } = this.#options.network;
    const [batch, losses] = [this.batch.tensor, this.losses];
    return { rows, heads: architecture.heads, batch, logits, gLogits, rowLosses, losses };
  }
}
