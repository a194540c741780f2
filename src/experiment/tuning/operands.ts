import type { Gpu } from "../../gpu/device.ts";
import { Arena, type Tensor, upload } from "../../gpu/tensor.ts";
import type { StoredType } from "../../ops/storage.ts";

/** Allocates operands of kernels and fills them with numbers that are the same in every run. */
export class Operands {
  readonly gpu: Gpu;
  readonly arena: Arena;
  #state = 1;

  constructor(gpu: Gpu) {
    this.gpu = gpu;
    this.arena = new Arena(gpu, "operands", { state: false });
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
  tensor(name: string, values: Float32Array<ArrayBuffer>, type: StoredType = "f32"): Tensor {
    const tensor = this.arena.tensor(name, [values.length], type);
    upload(this.gpu, tensor, values);
    return tensor;
  }

  /** A tensor full of NaN, so that whatever is not written is found. */
  output(name: string, length: number, type: StoredType = "f32"): Tensor {
    return this.tensor(name, new Float32Array(length).fill(NaN), type);
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

  destroy(): void {
    this.arena.destroy();
  }
}
