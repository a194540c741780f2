import { download, upload } from "../gpu/tensor.ts";
import type { LearnerProgramOptions } from "./options.ts";
import type { LearnerPrograms } from "./programs.ts";
import { toPaddedNhwc, withoutPadding } from "./tensor_inputs.ts";

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

/** No image of a store, and no slot to write it to. */
const storedNowhere = { source: 0, index: 0, top: 0, left: 0, flip: false, slot: -1 };

/** Steps on given tensors instead of stored images: normalised network inputs, used as they are. */
export class TensorSteps {
  readonly #options: LearnerProgramOptions;
  readonly #programs: LearnerPrograms;

  constructor(options: LearnerProgramOptions, programs: LearnerPrograms) {
    this.#options = options;
    this.#programs = programs;
  }

  /**
   * One optimisation step, whose result is read back at once.
   *
   * @throws {TypeError} for inputs whose length does not fit the labels and the network's image size.
   */
  async step(segments: readonly TensorSegment[], learningRate: number): Promise<TensorStepResult> {
    const { network } = this.#options;
    const sizes = segments.map(({ labels }) => labels.length);
    const rows = sizes.reduce((a, b) => a + b, 0);
    this.#upload(segments.map(({ inputs, labels }) => ({ inputs, rows: labels.length })));
    const batch = segments.flatMap(({ labels }, mask) =>
      labels.map((label) => ({ ...storedNowhere, label, mask, weight: 1 / labels.length }))
    );
    this.#programs.batch.write(
      { lossSlot: 0, learningRate },
      batch,
      segments.map(({ open }) => open),
    );
    await this.#programs.run({
      rows,
      forward: { mode: "training", sizes },
      loss: { targets: null },
      update: { frozen: network.frozenBlocks },
    });
    const tensors = [this.#programs.losses, network.activations.logits];
    const [losses, logits] = await download(network.gpu, tensors);
    return { loss: losses[0], logits: this.#withoutPadding(logits, rows) };
  }

  /** Logits `[rows, heads]` of given inputs `[rows, 3, height, width]` in inference mode; nothing is learned. */
  async infer(inputs: Float32Array): Promise<Float32Array> {
    const { network, images: { height, width } } = this.#options;
    const rows = inputs.length / (3 * height * width);
    this.#upload([{ inputs, rows }]);
    await this.#programs.run({ rows, forward: { mode: "inference", sizes: [rows] } });
    const [logits] = await download(network.gpu, [network.activations.logits]);
    return this.#withoutPadding(logits, rows);
  }

  #upload(parts: Parameters<typeof toPaddedNhwc>[0]): void {
    const { network: { gpu, activations }, images: { height, width } } = this.#options;
    upload(gpu, activations.input, toPaddedNhwc(parts, height, width));
  }

  #withoutPadding(logits: ArrayLike<number>, rows: number): Float32Array {
    const { activations, architecture: { heads } } = this.#options.network;
    return withoutPadding(logits, rows, heads, activations.logits.shape[1]);
  }
}
