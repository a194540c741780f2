import type { Gpu } from "../gpu/device.ts";
import { Learner } from "./learner.ts";
import type { TensorSegment, TensorStepResult } from "./tensor_steps.ts";
import { Network } from "../net/network.ts";
import type { HostTensor } from "../net/safetensors.ts";
import { Random } from "../random.ts";

/** Sizes and optimizer of a {@linkcode Trainer}. */
export interface TrainerOptions {
  /** Channels of the first stage; 64 is the ResNet-18 of the paper. */
  readonly width: number;
  /** Output columns: classes of all tasks. */
  readonly heads: number;
  /** Height of the inputs in pixels. */
  readonly height: number;
  /** Width of the inputs in pixels. */
  readonly imageWidth: number;
  /** Most rows of a step, all segments together. */
  readonly maxRows: number;
  /** Step length of SGD. */
  readonly learningRate: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Default 0. */
  readonly weightDecay?: number;
  /** Default false. */
  readonly nesterov?: boolean;
  /** `mixed` stores activations in f16, all else in f32; default `full`. */
  readonly precision?: "full" | "mixed";
  /** Seed of the fresh weights; default 0. */
  readonly seed?: number;
}

/** A ResNet-18 with its optimizer on a GPU, driven step by step on tensors of the caller. */
export class Trainer {
  readonly #network: Network;
  readonly #learner: Learner;

  /** Allocates the network and draws fresh weights by PyTorch's default rules. */
  constructor(gpu: Gpu, options: TrainerOptions) {
    const {
      height,
      imageWidth,
      learningRate,
      momentum = 0,
      weightDecay = 0,
      nesterov = false,
      seed = 0,
    } = options;
    this.#network = new Network(gpu, options);
    this.#network.initialize(Random.stream(seed, "init"));
    this.#learner = new Learner({
      network: this.#network,
      images: { height, width: imageWidth, padding: 0, mean: [0, 0, 0], std: [1, 1, 1] },
      flip: false,
      sgd: { learningRate, momentum, weightDecay, nesterov },
      augmentRandom: Random.stream(seed, "augment"),
      readEvery: 1,
      onLosses: () => {},
    });
  }

  /**
   * One optimisation step on the sum of the segments' mean losses. Each segment is normalised by its own statistics, as
   * if it went through the network alone.
   *
   * @throws {TypeError} for inputs whose length does not fit.
   */
  step(segments: readonly TensorSegment[]): Promise<TensorStepResult> {
    return this.#learner.stepOnTensors(segments);
  }

  /** Logits `[rows, heads]` of normalised inputs `[rows, 3, height, width]` in inference mode. */
  infer(inputs: Float32Array): Promise<Float32Array> {
    return this.#learner.inferTensors(inputs);
  }

  /** Freezes the stem and the first `blocks` blocks, 0 to 6. */
  freeze(blocks: number): void {
    this.#network.freeze(blocks);
  }

  /** Takes over parameters and running statistics with the official names; `source` names them in messages. */
  load(state: ReadonlyMap<string, HostTensor>, source: string): void {
    this.#network.load(state, source);
  }

  /** Parameters and running statistics under the official names, in PyTorch's layouts. */
  export(): Promise<Map<string, HostTensor>> {
    return this.#network.export();
  }

  /** Frees everything it holds on the GPU. */
  destroy(): void {
    this.#learner.destroy();
    this.#network.destroy();
  }
}
