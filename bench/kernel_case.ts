import type { Gpu } from "../src/gpu/device.ts";
import { type Dispatch, Program } from "../src/gpu/program.ts";
import { Arena, download, type Tensor, upload } from "../src/gpu/tensor.ts";
import { relativeError } from "../tests/reference/compare.ts";

/** An operation at one shape of the network: how to run it, what it must give, what it costs at least. */
export interface KernelCase {
  /** Operation, such as "conv2d_forward". */
  readonly kernel: string;
  /** First layer of this shape, such as "layer1.0.conv1". */
  readonly layer: string;
  /** Layers of the network that have this shape. */
  readonly layers: number;
  readonly shape: Readonly<Record<string, number>>;
  /** Floating-point operations; a multiply-add is two. */
  readonly flops: number;
  /** Bytes that must move if every operand is read once and every result written once. */
  readonly bytes: number;
  /** Allocates and fills the operands. */
  readonly prepare: (bench: CaseBench) => PreparedCase;
}

/** A case whose operands are on the GPU. */
export interface PreparedCase {
  readonly dispatches: readonly Dispatch[];
  readonly outputs: readonly SampledOutput[];
}

/** Some elements of a result, computed in double precision from the definition. */
export interface SampledOutput {
  readonly name: string;
  readonly tensor: Tensor;
  /** Places in the tensor. */
  readonly at: ArrayLike<number>;
  readonly expected: ArrayLike<number>;
  /** Coordinates of a place, by name. */
  readonly where: (at: number) => Readonly<Record<string, number>>;
}

/** How far the samples of a case are off. */
export interface CaseCheck {
  /** Worst relative error, ‖found - expected‖ / ‖expected‖, over the outputs. */
  readonly error: number;
  readonly samples: number;
  readonly ok: boolean;
  readonly found: readonly Float32Array[];
}

/** Rounding of f32 stays below this at the longest sums here (some hundred thousand terms). */
export const tolerance = 3e-5;

/** Allocates operands and fills them with numbers that are the same in every run. */
export class CaseBench {
  readonly gpu: Gpu;
  readonly arena: Arena;
  #state = 1;

  constructor(gpu: Gpu) {
    this.gpu = gpu;
    this.arena = new Arena(gpu, "bench");
  }

  /** Evenly distributed in [-1, 1) + mean; of every 4 groups of channels those beyond `channels` are 0. */
  values(length: number, { channels = 4, mean = 0 } = {}): Float32Array<ArrayBuffer> {
    const padded = Math.ceil(channels / 4) * 4;
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0;
      if (i % padded < channels) values[i] = this.#state / 2 ** 31 + mean;
    }
    return values;
  }

  /** A tensor with these values. */
  tensor(name: string, values: Float32Array<ArrayBuffer>): Tensor {
    const tensor = this.arena.tensor(name, [values.length]);
    upload(this.gpu, tensor, values);
    return tensor;
  }

  /** A tensor full of NaN, so that whatever is not written is found. */
  output(name: string, length: number): Tensor {
    return this.tensor(name, new Float32Array(length).fill(NaN));
  }

  /** `count` places below `length`: the first, the last, and some between. */
  places(length: number, count: number): number[] {
    const places = [0, length - 1];
    while (places.length < count) {
      this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0;
      places.push(Math.floor((this.#state >>> 0) / 2 ** 32 * length));
    }
    return places;
  }
}

/** Runs a case once and compares its samples. */
export async function checkCase(
  gpu: Gpu,
  { dispatches, outputs }: PreparedCase,
): Promise<CaseCheck> {
  const program = await Program.build(gpu, "check", dispatches);
  program.run();
  const read = await download(gpu, outputs.map(({ tensor }) => tensor));
  program.destroy();
  const found = outputs.map(({ at }, i) => Float32Array.from(at, (place) => read[i][place]));
  const error = Math.max(
    ...outputs.map(({ expected }, i) => relativeError(found[i], expected)),
  );
  const samples = outputs.reduce((sum, { at }) => sum + at.length, 0);
  return { error, samples, ok: error <= tolerance, found };
}
