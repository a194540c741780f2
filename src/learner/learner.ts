import type { Gpu } from "../gpu/device.ts";
import { download, downloadF32, downloadU32, head, type Tensor, upload } from "../gpu/tensor.ts";
import type { Network, NetworkSnapshot } from "../net/network.ts";
import type { BatchRow } from "../ops/batch_record.ts";
import { remedyFor } from "../ops/storage.ts";
import type { Draws } from "../random.ts";
import { batchRows, type Sample, type Segment, sourcesOf } from "./batch.ts";
import { type LearnerProgramOptions, LearnerPrograms, lossSlots } from "./programs.ts";
import { toPaddedNhwc, withoutPadding } from "./tensor_inputs.ts";

/** What a training step is for; steps are reported by it. */
export type StepPhase = "wake" | "nrem" | "rem" | "dawn" | "freezing" | "stream" | "joint";

/** A training step whose loss has been read back. */
export interface StepLoss {
  readonly phase: StepPhase;
  /** Sum of the segments' mean losses. */
  readonly loss: number;
  readonly rows: number;
}

/** Given network inputs that are normalised together and share a loss. */
export interface TensorSegment {
  /** `[rows, 3, height, width]`, normalised, as PyTorch lays them out. */
  readonly inputs: Float32Array;
  /** Head number of each row. */
  readonly labels: readonly number[];
  /** Heads that take part in the softmax. */
  readonly open: ReadonlySet<number>;
}

/** What a step on given tensors found before its update. */
export interface TensorStepResult {
  /** Sum of the segments' mean losses. */
  readonly loss: number;
  /** `[rows, heads]`, the segments one after another. */
  readonly logits: Float32Array;
}

/** What a {@linkcode Learner} is made of. */
export interface LearnerOptions extends LearnerProgramOptions {
  /** Whether training mirrors images at random. */
  readonly flip: boolean;
  readonly sgd: LearnerProgramOptions["sgd"] & { readonly learningRate: number };
  /** Crops and mirroring in training. */
  readonly augmentRandom: Draws<"below" | "uniform">;
  /** Steps between two read-backs of the losses. */
  readonly readEvery: number;
  /** Told about steps in order, some steps after they ran. */
  readonly onLosses: (losses: readonly StepLoss[]) => void;
  /** Awaited before each step and each batch that is judged or evaluated; may throw to end the run. */
  readonly checkpoint?: () => Promise<void> | void;
  readonly observer?: LearnerObserver;
}

/** What is told of what a learner does, and awaited: a check may compare and run steps of its own there. */
export interface LearnerObserver {
  /** A training step on these segments begins. */
  readonly step?: (segments: readonly Segment[]) => Promise<void> | void;
  /** Batches are about to be judged. */
  readonly judging?: () => Promise<void> | void;
  /** Predictions were counted, of augmented images where they choose heads as the official program does. */
  readonly predicted?: (counts: Uint32Array[][], augmented: boolean) => void;
}

/** Bits of infinity: magnitudes from here on are not finite. */
const NOT_FINITE = 0x7f800000;

/**
 * A network with its optimizer: turns batches of samples into training steps, losses and predictions. Programs are
 * recorded once per batch shape and replayed; a step uploads the small batch record and reads nothing back.
 */
export class Learner {
  readonly network: Network;
  readonly heads: number;
  readonly #gpu: Gpu;
  readonly #options: LearnerOptions;
  readonly #programs: LearnerPrograms;
  #pending: { phase: StepPhase; rows: number }[] = [];
  /** Whether the last step was replayed on the way to a checkpoint: then its gradient is on no device. */
  #lastReplayed = false;
  #steps = 0;
  #rows = 0;
  /** Steps over which the learning rate falls, and the one with which that began; null: it does not. */
  #annealing: { readonly from: number; readonly steps: number } | null = null;

  constructor(options: LearnerOptions) {
    this.network = options.network;
    this.heads = options.network.architecture.heads;
    this.#gpu = options.network.gpu;
    this.#options = options;
    this.#programs = new LearnerPrograms(options);
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

  /** Of the next step. */
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
    const sizes = segments.map(({ samples }) => samples.length);
    const rows = sizes.reduce((a, b) => a + b, 0);
    this.#write(segments, true, this.#pending.length);
    const { network } = this;
    const sources = sourcesOf(segments);
    const writes = memory !== null &&
      segments.some(({ samples }) => samples.some(({ slot = -1 }) => slot >= 0));
    const targets = segments.find(({ distillation }) => distillation)?.distillation?.targets ??
      null;
    const key = `train ${network.frozenBlocks} [${sizes}] ${names(sources)} ${
      targets?.label ?? ""
    } ${writes ? `${memory.label} ${memoryLogits?.label ?? ""}` : ""}`;
    const program = await this.#programs.get(key, () => [
      ...this.#programs.augment(rows, sources),
      ...this.#programs.update(sizes, targets),
      ...(writes ? this.#programs.storeImages(rows, sources, memory) : []),
      ...(writes && memoryLogits ? [this.#programs.storeLogits(rows, memoryLogits)] : []),
    ]);
    program.run();
    network.batchesTracked += segments.length;
    await this.#count(phase, rows);
  }

  /**
   * One step of each of several candidates for freezing, deepest first, on the same batch. They start from one network
   * and keep what they freeze, so the blocks that a candidate freezes give the same outputs in all candidates that freeze
   * at least as much: the first one's forward pass leaves them in the activations, and the others begin behind them. Their
   * running statistics move in the first candidate only; {@linkcode Network.copyRunning} brings them to the others.
   */
  async stepCandidates(
    phase: StepPhase,
    segments: readonly Segment[],
    candidates: readonly { readonly frozen: number; readonly state: NetworkSnapshot }[],
    memory: Tensor | null = null,
  ): Promise<void> {
    await this.#options.observer?.step?.(segments);
    await this.#options.checkpoint?.();
    const { network } = this;
    const sizes = segments.map(({ samples }) => samples.length);
    const rows = sizes.reduce((a, b) => a + b, 0);
    const batch = this.#rowsOf(segments, true);
    const sources = sourcesOf(segments);
    for (const [position, { frozen, state }] of candidates.entries()) {
      network.restore(state);
      network.freeze(frozen);
      this.#writeRows(batch, this.#pending.length, segments.map(({ open }) => open));
      const key = `candidate ${frozen} [${sizes}] ${
        position === 0 ? `${names(sources)} ${memory?.label ?? ""}` : "behind the first"
      }`;
      const program = await this.#programs.get(
        key,
        () =>
          position > 0 ? this.#programs.update(sizes, null, frozen) : [
            ...this.#programs.augment(rows, sources),
            ...this.#programs.update(sizes),
            ...(memory ? this.#programs.storeImages(rows, sources, memory) : []),
          ],
      );
      program.run();
      network.batchesTracked += segments.length;
      network.save(state);
      await this.#count(phase, rows);
    }
  }

  /**
   * One optimisation step on given tensors instead of stored images: normalised network inputs, used as they are. Reads
   * the result back at once, so it suits checks and small experiments; runs use {@linkcode step}.
   *
   * @throws {TypeError} for inputs whose length does not fit the labels and the network's image size.
   */
  async stepOnTensors(segments: readonly TensorSegment[]): Promise<TensorStepResult> {
    await this.readLosses();
    const { network } = this;
    const sizes = segments.map(({ labels }) => labels.length);
    const rows = sizes.reduce((a, b) => a + b, 0);
    const { height, width } = this.#options.images;
    upload(
      this.#gpu,
      network.activations.input,
      toPaddedNhwc(
        segments.map(({ inputs, labels }) => ({ inputs, rows: labels.length })),
        height,
        width,
      ),
    );
    const batch = segments.flatMap(({ labels }, mask) =>
      labels.map((label) => ({ ...storedNowhere, label, mask, weight: 1 / labels.length }))
    );
    this.#programs.batch.write(
      { lossSlot: 0, learningRate: this.#learningRate },
      batch,
      segments.map(({ open }) => open),
    );
    const program = await this.#programs.get(
      `tensors ${network.frozenBlocks} [${sizes}]`,
      () => this.#programs.update(sizes),
    );
    program.run();
    network.batchesTracked += segments.length;
    this.#steps++;
    this.#rows += rows;
    const [losses, logits] = await download(this.#gpu, [
      this.#programs.losses,
      network.activations.logits,
    ]);
    return { loss: losses[0], logits: this.#withoutPadding(logits, rows) };
  }

  /** Logits `[rows, heads]` of given inputs `[rows, 3, height, width]` in inference mode; nothing is learned. */
  async inferTensors(inputs: Float32Array): Promise<Float32Array> {
    await this.readLosses();
    const { images: { height, width } } = this.#options;
    const rows = inputs.length / (3 * height * width);
    upload(
      this.#gpu,
      this.network.activations.input,
      toPaddedNhwc([{ inputs, rows }], height, width),
    );
    const program = await this.#programs.get(
      `infer ${rows}`,
      () => this.network.recordForward([rows], "inference"),
    );
    program.run();
    const [logits] = await download(this.#gpu, [this.network.activations.logits]);
    return this.#withoutPadding(logits, rows);
  }

  /**
   * Reads back the losses of the steps since the last time and reports them.
   *
   * @throws {Error} for a loss, a gradient or a parameter that is not finite, and for a gradient that is zero throughout
   * though there is a loss: that is what a failed allocation looks like on some devices.
   */
  async readLosses(): Promise<void> {
    const pending = this.#pending;
    if (pending.length === 0) return;
    upload(this.#gpu, this.#programs.largest, new Uint32Array(2));
    (await this.#programs.get(
      `watch ${this.network.frozenBlocks}`,
      () => [this.#programs.watch()],
    )).run();
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

  /**
   * Mean cross-entropy over all heads of each batch, without learning. "training" normalises by batch statistics, moves
   * the running ones and augments, as the official implementation judges candidates; "inference" changes nothing and
   * takes the plain images.
   *
   * @throws {Error} for a loss that is not finite.
   */
  async losses(
    batches: readonly (readonly Sample[])[],
    mode: "training" | "inference",
  ): Promise<number[]> {
    await this.#options.observer?.judging?.();
    await this.readLosses();
    const open = new Set(Array(this.heads).keys());
    const result: number[] = [];
    for (let start = 0; start < batches.length; start += lossSlots) {
      const part = batches.slice(start, start + lossSlots);
      for (const [slot, samples] of part.entries()) {
        await this.#options.checkpoint?.();
        const segments = [{ samples, open }];
        this.#write(segments, mode === "training", slot);
        const sources = sourcesOf(segments);
        const rows = samples.length;
        const program = await this.#programs.get(`loss ${mode} ${rows} ${names(sources)}`, () => [
          ...this.#programs.augment(rows, sources),
          ...this.network.recordForward([rows], mode),
          this.#programs.crossEntropy(rows),
        ]);
        program.run();
        if (mode === "training") this.network.batchesTracked++;
      }
      result.push(...await downloadF32(this.#gpu, head(this.#programs.losses, part.length)));
    }
    const wrong = result.find((loss) => !Number.isFinite(loss));
    if (wrong !== undefined) {
      throw new Error(`Cannot judge the network: the loss of a batch is ${wrong}; ${this.#remedy}`);
    }
    return result;
  }

  /**
   * Predictions in inference mode, counted: `counts[mask][label][head]` is the number of samples of that label whose arg
   * max over the heads open in that mask (one or two masks, none empty) is that head.
   *
   * @throws {Error} for logits that are not numbers.
   */
  async predictions(
    samples: readonly Sample[],
    masks: readonly ReadonlySet<number>[],
    augmented = false,
  ): Promise<Uint32Array[][]> {
    await this.readLosses();
    const { heads } = this;
    upload(this.#gpu, this.#programs.counts, new Uint32Array(this.#programs.counts.length));
    for (let start = 0; start < samples.length; start += this.maxRows) {
      await this.#options.checkpoint?.();
      const part = samples.slice(start, start + this.maxRows);
      const segments = [{ samples: part, open: masks[0] }];
      this.#write(segments, augmented, 0, masks);
      const sources = sourcesOf(segments);
      const rows = part.length;
      const program = await this.#programs.get(
        `predict ${masks.length} ${rows} ${names(sources)}`,
        () => [
          ...this.#programs.augment(rows, sources),
          ...this.network.recordForward([rows], "inference"),
          ...masks.map((_, mask) => this.#programs.predict(rows, mask)),
        ],
      );
      program.run();
    }
    const counts = await downloadU32(this.#gpu, this.#programs.counts);
    const missing = samples.length * masks.length - counts.reduce((sum, count) => sum + count, 0);
    if (missing > 0) {
      throw new Error(
        `Cannot count predictions: ${missing} of ${samples.length * masks.length} are not to be ` +
          `had, their logits are not numbers; ${this.#remedy}`,
      );
    }
    const table = masks.map((_, mask) =>
      Array.from({ length: heads }, (_, label) => {
        const at = (mask * heads + label) * heads;
        return counts.subarray(at, at + heads);
      })
    );
    this.#options.observer?.predicted?.(table, augmented);
    return table;
  }

  /** Copies samples into slots of a memory, as bytes; nothing is learned. */
  async remember(samples: readonly Sample[], memory: Tensor): Promise<void> {
    await this.readLosses();
    for (let start = 0; start < samples.length; start += this.maxRows) {
      await this.#options.checkpoint?.();
      const part = samples.slice(start, start + this.maxRows);
      const segments = [{ samples: part, open: new Set<number>() }];
      this.#write(segments, false, 0);
      const sources = sourcesOf(segments);
      const program = await this.#programs.get(
        `remember ${part.length} ${names(sources)} ${memory.label}`,
        () => this.#programs.storeImages(part.length, sources, memory),
      );
      program.run();
    }
  }

  destroy(): void {
    this.#programs.destroy();
  }

  #write(
    segments: readonly Segment[],
    augmented: boolean,
    lossSlot: number,
    masks: readonly ReadonlySet<number>[] = segments.map(({ open }) => open),
  ): void {
    this.#writeRows(this.#rowsOf(segments, augmented), lossSlot, masks);
  }

  #rowsOf(segments: readonly Segment[], augmented: boolean): BatchRow[] {
    const { images: { padding }, flip, augmentRandom: random } = this.#options;
    return batchRows(segments, padding, augmented ? { padding, flip, random } : null);
  }

  #writeRows(
    rows: readonly BatchRow[],
    lossSlot: number,
    masks: readonly ReadonlySet<number>[],
  ): void {
    this.#programs.batch.write({ lossSlot, learningRate: this.#learningRate }, rows, masks);
  }

  /** Counts a training step that was submitted; reads losses back when it is time to. */
  async #count(phase: StepPhase, rows: number): Promise<void> {
    this.#steps++;
    this.#rows += rows;
    this.#pending.push({ phase, rows });
    this.#lastReplayed = this.#gpu.recording?.replaying ?? false;
    if (this.#pending.length >= Math.min(this.#options.readEvery, lossSlots)) {
      await this.readLosses();
    }
  }

  #withoutPadding(logits: ArrayLike<number>, rows: number): Float32Array {
    return withoutPadding(logits, rows, this.heads, this.network.activations.logits.shape[1]);
  }
}

function names(sources: readonly { source: number }[]): string {
  return sources.map(({ source }) => source).join("+");
}

const storedNowhere = { source: 0, index: 0, top: 0, left: 0, flip: false, slot: -1 };
