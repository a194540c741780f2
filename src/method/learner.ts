import type { Gpu } from "../gpu/device.ts";
import { type Dispatch, Program } from "../gpu/program.ts";
import { Arena, downloadF32, downloadU32, type Tensor, upload } from "../gpu/tensor.ts";
import type { Network } from "../net/network.ts";
import { type AugmentOptions, recordAugment } from "../ops/augment.ts";
import { BatchRecord } from "../ops/batch_record.ts";
import { recordCrossEntropy } from "../ops/cross_entropy.ts";
import { recordPredict } from "../ops/predict.ts";
import { recordSgd, type SgdOptions } from "../ops/sgd.ts";
import { recordStoreImages } from "../ops/store_images.ts";
import type { Random } from "../random.ts";
import { batchRows, type Sample, type Segment, sourcesOf } from "./batch.ts";

/** What a training step is for; steps are reported by it. */
export type StepPhase = "wake" | "nrem" | "rem" | "freezing" | "stream" | "joint";

/** A training step whose loss has been read back. */
export interface StepLoss {
  readonly phase: StepPhase;
  /** Sum of the segments' mean losses. */
  readonly loss: number;
  readonly rows: number;
}

/** What a {@linkcode Learner} is made of. */
export interface LearnerOptions {
  readonly network: Network;
  /** Image size, padding and normalisation. */
  readonly images: AugmentOptions;
  /** Whether training mirrors images at random. */
  readonly flip: boolean;
  readonly sgd: SgdOptions & { readonly learningRate: number };
  /** Crops and mirroring in training. */
  readonly augmentRandom: Random;
  /** Steps between two read-backs of the losses. */
  readonly readEvery: number;
  /** Told about steps in order, some steps after they ran. */
  readonly onLosses: (losses: readonly StepLoss[]) => void;
  /** Asked before each step; may throw to end the run. */
  readonly checkpoint?: () => void;
}

const lossSlots = 1024;

/**
 * A network with its optimizer: turns batches of samples into training steps, losses and predictions. Programs are
 * recorded once per batch shape and replayed; a step uploads the small batch record and reads nothing back.
 */
export class Learner {
  readonly network: Network;
  readonly heads: number;
  readonly #gpu: Gpu;
  readonly #options: LearnerOptions;
  readonly #arena: Arena;
  readonly #batch: BatchRecord;
  readonly #losses: Tensor;
  readonly #counts: Tensor;
  readonly #programs = new Map<string, Program>();
  #pending: { phase: StepPhase; rows: number }[] = [];
  #steps = 0;
  #rows = 0;

  constructor(options: LearnerOptions) {
    this.network = options.network;
    this.heads = options.network.architecture.heads;
    this.#gpu = options.network.gpu;
    this.#options = options;
    this.#arena = new Arena(this.#gpu, "learner");
    this.#batch = new BatchRecord(this.#arena, {
      maxRows: options.network.activations.rows,
      maxMasks: 4,
      heads: this.heads,
    });
    this.#losses = this.#arena.tensor("losses", [lossSlots]);
    this.#counts = this.#arena.tensor("counts", [2 * this.heads, this.heads], "u32");
  }

  /** Training steps so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Images that went through training steps so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Rows that fit into one batch. */
  get maxRows(): number {
    return this.network.activations.rows;
  }

  /**
   * One optimisation step on the sum of the segments' losses. Samples with a slot are written to `memory` after the
   * update, as bytes before augmentation.
   */
  async step(
    phase: StepPhase,
    segments: readonly Segment[],
    memory: Tensor | null = null,
  ): Promise<void> {
    this.#options.checkpoint?.();
    const sizes = segments.map(({ samples }) => samples.length);
    const rows = sizes.reduce((a, b) => a + b, 0);
    this.#write(segments, true, this.#pending.length);
    const { network } = this;
    const sources = sourcesOf(segments);
    const writes = memory !== null &&
      segments.some(({ samples }) => samples.some(({ slot = -1 }) => slot >= 0));
    const key = `train ${network.frozenBlocks} [${sizes}] ${names(sources)} ${
      writes ? memory.label : ""
    }`;
    const program = await this.#program(key, () => [
      ...this.#augment(rows, sources),
      ...network.recordForward(sizes, "training"),
      this.#crossEntropy(rows),
      ...network.recordBackward(sizes),
      recordSgd({
        ...this.#options.sgd,
        batch: this.#batch.tensor,
        gradients: network.gradients,
        mask: network.mask,
        values: network.values,
        velocities: network.velocities,
      }),
      ...(writes
        ? sources.filter(({ tensor }) => tensor !== memory).map(({ source, tensor }) =>
          recordStoreImages({
            rows,
            area: this.#area,
            source,
            batch: this.#batch.tensor,
            images: tensor,
            memory,
          })
        )
        : []),
    ]);
    program.run();
    network.batchesTracked += segments.length;
    this.#steps++;
    this.#rows += rows;
    this.#pending.push({ phase, rows });
    if (this.#pending.length >= Math.min(this.#options.readEvery, lossSlots)) {
      await this.readLosses();
    }
  }

  /**
   * Reads back the losses of the steps since the last time and reports them.
   *
   * @throws {Error} for a loss that is not finite.
   */
  async readLosses(): Promise<void> {
    const pending = this.#pending;
    if (pending.length === 0) return;
    const losses = await downloadF32(this.#gpu, this.#losses);
    this.#pending = [];
    const first = this.#steps - pending.length;
    const report = pending.map(({ phase, rows }, i): StepLoss => {
      if (!Number.isFinite(losses[i])) {
        throw new Error(
          `Cannot go on training: the loss of step ${first + i} (${phase}) is ${
            losses[i]
          }; lower optimizer.learningRate`,
        );
      }
      return { phase, loss: losses[i], rows };
    });
    this.#options.onLosses(report);
  }

  /**
   * Mean cross-entropy over all heads of each batch, without learning. "training" normalises by batch statistics, moves
   * the running ones and augments, as the official implementation judges candidates; "inference" changes nothing and
   * takes the plain images.
   */
  async losses(
    batches: readonly (readonly Sample[])[],
    mode: "training" | "inference",
  ): Promise<number[]> {
    await this.readLosses();
    const open = new Set(Array(this.heads).keys());
    const result: number[] = [];
    for (let start = 0; start < batches.length; start += lossSlots) {
      const part = batches.slice(start, start + lossSlots);
      for (const [slot, samples] of part.entries()) {
        const segments = [{ samples, open }];
        this.#write(segments, mode === "training", slot);
        const sources = sourcesOf(segments);
        const rows = samples.length;
        const program = await this.#program(`loss ${mode} ${rows} ${names(sources)}`, () => [
          ...this.#augment(rows, sources),
          ...this.network.recordForward([rows], mode),
          this.#crossEntropy(rows),
        ]);
        program.run();
        if (mode === "training") this.network.batchesTracked++;
      }
      result.push(...(await downloadF32(this.#gpu, this.#losses)).subarray(0, part.length));
    }
    return result;
  }

  /**
   * Predictions in inference mode, counted: `counts[mask][label][head]` is the number of samples of that label whose arg
   * max over the heads open in that mask (one or two masks) is that head.
   */
  async predictions(
    samples: readonly Sample[],
    masks: readonly ReadonlySet<number>[],
    augmented = false,
  ): Promise<Uint32Array[][]> {
    await this.readLosses();
    const { heads } = this;
    upload(this.#gpu, this.#counts, new Uint32Array(this.#counts.length));
    for (let start = 0; start < samples.length; start += this.maxRows) {
      const part = samples.slice(start, start + this.maxRows);
      const segments = [{ samples: part, open: masks[0] }];
      this.#write(segments, augmented, 0, masks);
      const sources = sourcesOf(segments);
      const rows = part.length;
      const program = await this.#program(
        `predict ${masks.length} ${rows} ${names(sources)}`,
        () => [
          ...this.#augment(rows, sources),
          ...this.network.recordForward([rows], "inference"),
          ...masks.map((_, mask) =>
            recordPredict({
              rows,
              heads,
              mask,
              offset: mask * heads,
              batch: this.#batch.tensor,
              logits: this.network.activations.logits,
              counts: this.#counts,
            })
          ),
        ],
      );
      program.run();
    }
    const counts = await downloadU32(this.#gpu, this.#counts);
    return masks.map((_, mask) =>
      Array.from({ length: heads }, (_, label) => {
        const at = (mask * heads + label) * heads;
        return counts.subarray(at, at + heads);
      })
    );
  }

  /** Copies samples into slots of a memory, as bytes; nothing is learned. */
  async remember(samples: readonly Sample[], memory: Tensor): Promise<void> {
    await this.readLosses();
    for (let start = 0; start < samples.length; start += this.maxRows) {
      const part = samples.slice(start, start + this.maxRows);
      const segments = [{ samples: part, open: new Set<number>() }];
      this.#write(segments, false, 0);
      const sources = sourcesOf(segments);
      const program = await this.#program(
        `remember ${part.length} ${names(sources)} ${memory.label}`,
        () =>
          sources.map(({ source, tensor }) =>
            recordStoreImages({
              rows: part.length,
              area: this.#area,
              source,
              batch: this.#batch.tensor,
              images: tensor,
              memory,
            })
          ),
      );
      program.run();
    }
  }

  destroy(): void {
    for (const program of this.#programs.values()) program.destroy();
    this.#programs.clear();
    this.#arena.destroy();
  }

  get #area(): number {
    return this.#options.images.height * this.#options.images.width;
  }

  #write(
    segments: readonly Segment[],
    augmented: boolean,
    lossSlot: number,
    masks: readonly ReadonlySet<number>[] = segments.map(({ open }) => open),
  ): void {
    const { images: { padding }, flip, augmentRandom: random, sgd } = this.#options;
    const rows = batchRows(segments, padding, augmented ? { padding, flip, random } : null);
    this.#batch.write({ lossSlot, learningRate: sgd.learningRate }, rows, masks);
  }

  #augment(rows: number, sources: readonly { source: number; tensor: Tensor }[]): Dispatch[] {
    return sources.map(({ source, tensor }) =>
      recordAugment({
        ...this.#options.images,
        rows,
        source,
        batch: this.#batch.tensor,
        images: tensor,
        input: this.network.activations.input,
      })
    );
  }

  #crossEntropy(rows: number): Dispatch {
    const { logits, gLogits, rowLosses } = this.network.activations;
    const { heads } = this;
    return recordCrossEntropy({
      rows,
      heads,
      batch: this.#batch.tensor,
      logits,
      gLogits,
      rowLosses,
      losses: this.#losses,
    });
  }

  async #program(key: string, record: () => Dispatch[]): Promise<Program> {
    const known = this.#programs.get(key);
    if (known) return known;
    const program = await Program.build(this.#gpu, key, record());
    this.#programs.set(key, program);
    return program;
  }
}

function names(sources: readonly { source: number }[]): string {
  return sources.map(({ source }) => source).join("+");
}
