import type { Gpu } from "../gpu/device.ts";
import { Arena, download, head, type Tensor, upload } from "../gpu/tensor.ts";
import type { Network, NetworkSnapshot } from "../net/network.ts";
import type { BatchRow } from "../ops/batch_record.ts";
import { remedyFor } from "../ops/storage.ts";
import { type Sample, type Segment, sourcesOf } from "./batch.ts";
import { BatchWriter } from "./batch_writer.ts";
import { Judge } from "./judge.ts";
import { LabelPrior } from "./label_prior.ts";
import { type LearnerOptions, lossSlots, type StepLoss, type StepPhase } from "./options.ts";
import { LearnerPrograms } from "./programs.ts";
import { type TensorSegment, type TensorStepResult, TensorSteps } from "./tensor_steps.ts";

/** Bits of infinity: magnitudes from here on are not finite. */
const NOT_FINITE = 0x7f800000;

/**
 * A network with its optimizer: turns batches of samples into training steps, losses and predictions. Programs are
 * recorded once per batch shape and replayed; a step uploads the small batch record and reads nothing back.
 */
export class Learner {
  readonly network: Network;
  readonly heads: number;
  /** Of the labels of training steps, until it is cleared. */
  readonly prior: LabelPrior;
  readonly #gpu: Gpu;
  readonly #options: LearnerOptions;
  readonly #programs: LearnerPrograms;
  readonly #writer: BatchWriter;
  readonly #judge: Judge;
  readonly #tensors: TensorSteps;
  #pending: { phase: StepPhase; rows: number }[] = [];
  /** Whether the last step was replayed on the way to a checkpoint: then its gradient is on no device. */
  #lastReplayed = false;
  #steps = 0;
  #tables = 0;
  #rows = 0;
  /** Steps over which the learning rate falls, and the one with which that began; null: it does not. */
  #annealing: { readonly from: number; readonly steps: number } | null = null;

  /** @throws {RangeError} for more steps between two read-backs than losses are kept of. */
  constructor(options: LearnerOptions) {
    if (options.readEvery > lossSlots) {
      throw new RangeError(
        `Cannot read losses back every ${options.readEvery} steps: ${lossSlots} are kept on the GPU; ` +
          "read them more often",
      );
    }
    this.network = options.network;
    this.heads = options.network.architecture.heads;
    this.prior = new LabelPrior(this.heads);
    this.#gpu = options.network.gpu;
    this.#options = options;
    this.#programs = new LearnerPrograms(options);
    this.#writer = new BatchWriter(this.#programs.batch, options);
    this.#judge = new Judge(options, this.#programs, this.#writer);
    this.#tensors = new TensorSteps(options, this.#programs);
  }

  /** Training steps so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Images that went through training steps so far. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * Lets the learning rate fall along half a cosine over the next `steps` training steps, from its full value to nearly
   * nothing (Loshchilov and Hutter, ICLR 2017, without restarts); null: it is constant again.
   */
  anneal(steps: number | null): void {
    this.#annealing = steps === null ? null : { from: this.#steps, steps };
  }

  /** The learning rate of the next step. */
  get #learningRate(): number {
    const { learningRate } = this.#options.sgd;
    if (!this.#annealing) return learningRate;
    const { from, steps } = this.#annealing;
    const done = Math.min(1, (this.#steps - from) / steps);
    return learningRate * (1 + Math.cos(Math.PI * done)) / 2;
  }

  /** Rows that fit into one batch. */
  get maxRows(): number {
    return this.network.activations.rows;
  }

  /**
   * One optimisation step on the sum of the segments' losses. Samples with a slot are written to `memory` after the
   * update, as bytes before augmentation; with them, to `memoryLogits`, the logits they had in this step, before the
   * update.
   */
  async step(
    phase: StepPhase,
    segments: readonly Segment[],
    memory: Tensor | null = null,
    memoryLogits: Tensor | null = null,
  ): Promise<void> {
    await this.#options.observer?.step?.(segments);
    await this.#options.checkpoint?.();
    this.prior.count(segments);
    const { sizes, rows } = sizesOf(segments);
    this.#write(segments, this.#writer.rows(segments, true));
    const from = sourcesOf(segments);
    const writes = segments.some(({ samples }) => samples.some(({ slot = -1 }) => slot >= 0));
    const { targets = null, over = "all" } =
      segments.find(({ distillation }) => distillation)?.distillation ?? {};
    await this.#programs.run({
      rows,
      gather: from,
      forward: { mode: "training", sizes },
      loss: { targets, over },
      update: { frozen: this.network.frozenBlocks },
      keep: memory && writes ? { from, images: memory, logits: memoryLogits } : undefined,
    });
    await this.#count(phase, rows);
  }

  /**
   * One step of each of several candidates for freezing, deepest first, on the same batch. They start from one network
   * and keep what they freeze, so the blocks that a candidate freezes give the same outputs in all candidates that
   * freeze at least as much: the first one's forward pass leaves them in the activations, and the others begin behind
   * them. Their running statistics move in the first candidate only; {@linkcode Network.copyRunning} brings them to
   * the others.
   */
  async stepCandidates(
    phase: StepPhase,
    segments: readonly Segment[],
    candidates: readonly { readonly frozen: number; readonly state: NetworkSnapshot }[],
    memory: Tensor | null = null,
  ): Promise<void> {
    await this.#options.observer?.step?.(segments);
    await this.#options.checkpoint?.();
    this.prior.count(segments);
    const { network } = this;
    const { sizes, rows } = sizesOf(segments);
    const batch = this.#writer.rows(segments, true);
    const from = sourcesOf(segments);
    for (const [position, { frozen, state }] of candidates.entries()) {
      network.restore(state);
      network.freeze(frozen);
      this.#write(segments, batch);
      const isFirst = position === 0;
      await this.#programs.run({
        rows,
        gather: isFirst ? from : undefined,
        forward: { mode: "training", sizes, start: isFirst ? 0 : frozen },
        loss: { targets: null },
        update: { frozen },
        keep: isFirst && memory ? { from, images: memory, logits: null } : undefined,
      });
      network.save(state);
      await this.#count(phase, rows);
    }
  }

  /** Copies samples into slots of a memory, as bytes; nothing is learned. */
  async remember(samples: readonly Sample[], memory: Tensor): Promise<void> {
    await this.readLosses();
    for (let start = 0; start < samples.length; start += this.maxRows) {
      await this.#options.checkpoint?.();
      const part = samples.slice(start, start + this.maxRows);
      const segments = [{ samples: part, open: new Set<number>() }];
      this.#write(segments, this.#writer.rows(segments, false));
      const keep = { from: sourcesOf(segments), images: memory, logits: null };
      await this.#programs.run({ rows: part.length, keep });
    }
  }

  /**
   * Room for the logits of `rows` images, to be filled by {@linkcode rememberLogits} and held to by a distillation. A
   * checkpoint keeps it until it is destroyed.
   */
  logitsTable(label: string, rows: number): { readonly targets: Tensor; destroy(): void } {
    // Programs are known by the names of what they read, so that each table needs one of its own.
    const arena = new Arena(this.#gpu, `${label} ${++this.#tables}`);
    const targets = arena.tensor("logits", [rows, Math.ceil(this.heads / 4) * 4]);
    return {
      targets,
      destroy: () => {
        this.#programs.forget(targets);
        arena.destroy();
      },
    };
  }

  /** The logits of plain images in inference mode, written to their slots of a table; nothing is learned. */
  async rememberLogits(samples: readonly Sample[], table: Tensor): Promise<void> {
    await this.readLosses();
    for (let start = 0; start < samples.length; start += this.maxRows) {
      await this.#options.checkpoint?.();
      const part = samples.slice(start, start + this.maxRows);
      const segments = [{ samples: part, open: new Set<number>() }];
      const from = sourcesOf(segments);
      this.#write(segments, this.#writer.rows(segments, false));
      await this.#programs.run({
        rows: part.length,
        gather: from,
        forward: { mode: "inference", sizes: [part.length] },
        keep: { from, images: null, logits: table },
      });
    }
  }

  /** What {@linkcode Judge.losses} finds; nothing is learned. */
  async losses(
    batches: readonly (readonly Sample[])[],
    mode: "training" | "inference",
  ): Promise<number[]> {
    await this.#options.observer?.judging?.();
    await this.readLosses();
    return await this.#judge.losses(batches, mode);
  }

  /** What {@linkcode Judge.predictions} counts. */
  async predictions(
    samples: readonly Sample[],
    masks: readonly ReadonlySet<number>[],
    augmented = false,
    shift: Float32Array<ArrayBuffer> | null = null,
  ): Promise<Uint32Array[][]> {
    await this.readLosses();
    const counts = await this.#judge.predictions(samples, masks, augmented, shift);
    this.#options.observer?.predicted?.(counts, augmented);
    return counts;
  }

  /** {@linkcode Judge.logits}. */
  async logits(samples: readonly Sample[]): Promise<Float32Array<ArrayBuffer>> {
    await this.readLosses();
    return await this.#judge.logits(samples);
  }

  /** {@linkcode TensorSteps.step}: for checks and small experiments; runs use {@linkcode step}. */
  async stepOnTensors(segments: readonly TensorSegment[]): Promise<TensorStepResult> {
    await this.readLosses();
    const result = await this.#tensors.step(segments, this.#learningRate);
    this.#steps++;
    this.#rows += segments.reduce((sum, { labels }) => sum + labels.length, 0);
    return result;
  }

  /** {@linkcode TensorSteps.infer}. */
  async inferTensors(inputs: Float32Array): Promise<Float32Array> {
    await this.readLosses();
    return await this.#tensors.infer(inputs);
  }

  /**
   * Reads back the losses of the steps since the last time and reports them.
   *
   * @throws {Error} for a loss, a gradient or a parameter that is not finite, and for a gradient that is zero
   * throughout though there is a loss: that is what a failed allocation looks like on some devices.
   */
  async readLosses(): Promise<void> {
    const pending = this.#pending;
    if (pending.length === 0) return;
    upload(this.#gpu, this.#programs.largest, new Uint32Array(2));
    await this.#programs.run({ rows: 0, watch: { frozen: this.network.frozenBlocks } });
    const [losses, largest] = await download(this.#gpu, [
      head(this.#programs.losses, pending.length),
      this.#programs.largest,
    ]);
    this.#pending = [];
    const first = this.#steps - pending.length;
    const report = pending.map(({ phase, rows }, i): StepLoss => {
      if (!Number.isFinite(losses[i])) {
        throw new Error(
          `Cannot go on training: the loss of step ${first + i} (${phase}) is ${
            losses[i]
          }; ${this.#remedy}`,
        );
      }
      return { phase, loss: losses[i], rows };
    });
    this.#watch(report[report.length - 1].loss, largest);
    this.#options.onLosses(report);
  }

  destroy(): void {
    this.#programs.destroy();
  }

  /** Looks at the last step's gradient and at the parameters behind it, given the bits of their largest magnitudes. */
  #watch(loss: number, [gradient, value]: Float32Array | Uint32Array): void {
    const fail = (found: string, why: string) => {
      throw new Error(`Cannot go on training: ${found} at step ${this.#steps - 1}${why}`);
    };
    // A gradient is no part of a checkpoint: behind one there is none before the next step.
    const isThere = !this.#lastReplayed || this.#gpu.recording?.replaying;
    if (isThere && gradient >= NOT_FINITE) fail("the gradient is not finite", `; ${this.#remedy}`);
    if (value >= NOT_FINITE) fail("parameters are not finite", `; ${this.#remedy}`);
    // With one head open, as for a last batch of one class, loss and gradient are zero and right.
    if (isThere && gradient === 0 && loss > 1e-3) {
      fail(`the gradient is zero throughout and the loss ${loss}`, ": the device fails silently");
    }
  }

  get #remedy(): string {
    return remedyFor(this.network.precision);
  }

  /** Writes the rows of segments, whose loss is the next one to be read back. */
  #write(segments: readonly Segment[], rows: readonly BatchRow[]): void {
    const header = { lossSlot: this.#pending.length, learningRate: this.#learningRate };
    this.#writer.write(header, rows, segments.map(({ open }) => open));
  }

  /** Counts a training step that was submitted; reads losses back when it is time to. */
  async #count(phase: StepPhase, rows: number): Promise<void> {
    this.#steps++;
    this.#rows += rows;
    this.#pending.push({ phase, rows });
    this.#lastReplayed = this.#gpu.recording?.replaying ?? false;
    if (this.#pending.length >= this.#options.readEvery) {
      await this.readLosses();
    }
  }
}

/** Rows of each segment, and of all. */
function sizesOf(segments: readonly Segment[]): { sizes: number[]; rows: number } {
  const sizes = segments.map(({ samples }) => samples.length);
  return { sizes, rows: sizes.reduce((a, b) => a + b, 0) };
}
