import type { Gpu } from "../gpu/device.ts";
import { Arena, type ElementType, type Tensor, upload } from "../gpu/tensor.ts";
import type { StoredType } from "../ops/storage.ts";

type Words = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** Up to so many elements are compared one and all; of more, some. */
const MOST_COMPARED = 4096;

/** Which numbers operands are filled with. */
export interface Draw {
  /** Other seeds give other numbers; default 1. */
  readonly seed?: number;
  /** Whether one number in about a hundred is 64 times as large as the others may be; default: none is. */
  readonly outliers?: boolean;
  /** Most places of a result that are compared; default: as many as its operation asks for. */
  readonly most?: number;
  /** What is added to every number, so that formulas that cancel show; default 0. */
  readonly mean?: number;
}

/**
 * Allocates the operands of kernels and fills them with numbers that are the same in every run; operands of these names
 * with given ones.
 */
export class Operands {
  readonly gpu: Gpu;
  readonly arena: Arena;
  readonly #given: Readonly<Record<string, ArrayLike<number>>>;
  readonly #written: {
    readonly tensor: Tensor;
    readonly before: Words;
    readonly fresh: boolean;
  }[] = [];
  readonly #outliers: boolean;
  readonly #mean: number;
  readonly #most: number;
  #state: number;

  constructor(
    gpu: Gpu,
    given: Readonly<Record<string, ArrayLike<number>>> = {},
    label = "operands",
    { seed = 1, outliers = false, mean = 0, most = Infinity }: Draw = {},
  ) {
    this.#state = seed;
    this.#outliers = outliers;
    this.#mean = mean;
    this.#most = most;
    this.gpu = gpu;
    this.arena = new Arena(gpu, label, { state: false });
    this.#given = given;
  }

  /**
   * The numbers of an operand: evenly distributed in [mean - spread, mean + spread), and such that its type holds them
   * exactly; where a `step` is given, rounded to multiples of it, so that many are equal. Of each group of channels,
   * padded to a multiple of 4, those beyond `channels` are 0.
   */
  values(
    name: string,
    length: number,
    { channels = 4, mean = 0, spread = 1, step = 0, type = "f32" as StoredType } = {},
  ): Float32Array<ArrayBuffer> {
    if (Object.hasOwn(this.#given, name)) return Float32Array.from(this.#given[name]);
    const padded = Math.ceil(channels / 4) * 4;
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      this.#next();
      if (i % padded < channels) values[i] = this.#mean + mean + spread * this.#state / 2 ** 31;
      if (this.#outliers && this.below(100) === 0) values[i] *= 64;
    }
    if (step > 0) values.forEach((value, i) => values[i] = Math.round(value / step) * step);
    return type === "f16" ? new Float32Array(new Float16Array(values)) : values;
  }

  /** A whole number in [0, n). */
  below(n: number): number {
    return Math.floor((this.#next() >>> 0) / 2 ** 32 * n);
  }

  /** An operand that is read. */
  tensor(name: string, values: ArrayLike<number>, type: ElementType = "f32"): Tensor {
    const tensor = this.arena.tensor(name, [values.length], type);
    upload(this.gpu, tensor, wordsOf(values, type));
    return tensor;
  }

  /** An operand that is written: with these values before, or full of NaN, so that whatever is not written is found. */
  output(name: string, before: number | ArrayLike<number>, type: ElementType = "f32"): Tensor {
    const fresh = typeof before === "number";
    const values = fresh ? new Float32Array(before).fill(NaN) : before;
    const tensor = this.tensor(name, values, type);
    this.#written.push({ tensor, before: wordsOf(values, type), fresh });
    return tensor;
  }

  /** Whether a tensor is written and nothing of what it holds before is read. */
  isFresh(tensor: Tensor): boolean {
    return this.#written.some((one) => one.tensor === tensor && one.fresh);
  }

  /** Gives what is written the content that it had at first. */
  reset(): void {
    for (const { tensor, before } of this.#written) upload(this.gpu, tensor, before);
  }

  /** All places below `length`, or of many `most`: the first, the last, and some between. */
  places(length: number, most = 2000): number[] {
    most = Math.min(most, this.#most);
    if (length <= Math.min(MOST_COMPARED, most)) return Array.from({ length }, (_, place) => place);
    const places = [0, length - 1];
    while (places.length < most) places.push(this.below(length));
    return places;
  }

  destroy(): void {
    this.arena.destroy();
  }

  #next(): number {
    return this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0;
  }
}

function wordsOf(values: ArrayLike<number>, type: ElementType): Words {
  return type === "u32" ? Uint32Array.from(values) : Float32Array.from(values);
}
