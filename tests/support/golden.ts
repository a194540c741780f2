/** Access to the recorded results in `tests/golden`, as doubles. */

import type { HostTensor } from "../../src/net/safetensors.ts";
import { readSafetensors } from "../../src/host/safetensors_files.ts";
import type { Activation, State } from "../../src/reference/resnet18.ts";

const FOLDER = new URL("../golden/", import.meta.url);

/** A recorded tensor: float32 values as doubles, or integers. */
export interface GoldenTensor {
  shape: number[];
  data: Float64Array;
}

/** One safetensors file of `tests/golden`. */
export class GoldenFile {
  constructor(readonly tensors: ReadonlyMap<string, HostTensor>) {}

  /** Whether the tensor was recorded. */
  has(name: string): boolean {
    return this.tensors.has(name);
  }

  /** The tensor of this name; `TypeError` if it was not recorded. */
  get(name: string): GoldenTensor {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw new TypeError(`Cannot find golden tensor ${name}`);
    return { shape: tensor.shape, data: Float64Array.from(tensor.data, Number) };
  }

  /** A four-dimensional tensor. */
  activation(name: string): Activation {
    const { shape: [n, c, h, w], data } = this.get(name);
    return { shape: [n, c, h, w], data };
  }

  /** All tensors under `prefix` by the rest of their names, batch counters left out. */
  state(prefix: string): State {
    const state: State = new Map();
    for (const name of this.tensors.keys()) {
      if (!name.startsWith(prefix) || name.endsWith("num_batches_tracked")) continue;
      state.set(name.slice(prefix.length), this.get(name).data);
    }
    return state;
  }
}

/** Reads `tests/golden/<name>.safetensors`. */
export async function readGolden(name: string): Promise<GoldenFile> {
  const path = decodeURIComponent(new URL(`${name}.safetensors`, FOLDER).pathname);
  return new GoldenFile((await readSafetensors(path)).tensors);
}

/** Reads `tests/golden/<name>.json`. */
// deno-lint-ignore no-explicit-any -- each file has its own form, which its test knows
export async function readGoldenJson(name: string): Promise<any> {
  return JSON.parse(await Deno.readTextFile(new URL(`${name}.json`, FOLDER)));
}
