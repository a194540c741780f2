import type { Gpu } from "../../gpu/device.ts";
import type { Dispatch } from "../../gpu/program.ts";
import { Arena, type Tensor, upload } from "../../gpu/tensor.ts";
import type { StoredType } from "../../ops/storage.ts";

/** One launch of one kernel on given inputs, so that a wrong result accuses that kernel and no other. */
export interface KernelCase {
  readonly dispatch: Dispatch;
  readonly outputs: readonly CaseOutput[];
  /** Whether every number must be met exactly: integers and copies. Default false. */
  readonly exact?: boolean;
}

/** A tensor that the kernel writes, and what it should hold. */
export interface CaseOutput {
  readonly tensor: Tensor;
  readonly expected: ArrayLike<number>;
  /** From the kernel's layout to that of `expected`; may throw where padding is not zero. Default: as it is. */
  readonly read?: (values: ArrayLike<number>) => ArrayLike<number>;
}

/** Makes the tensors of a few cases and frees them together. */
export class CaseTensors {
  readonly gpu: Gpu;
  /** How the kernels under test store activations. */
  readonly storage: StoredType;
  readonly arena: Arena;

  constructor(gpu: Gpu, storage: StoredType) {
    this.gpu = gpu;
    this.storage = storage;
    this.arena = new Arena(gpu, "self-test", { state: false });
  }

  f32(values: ArrayLike<number>): Tensor {
    const tensor = this.arena.tensor("f32", [values.length]);
    this.fill(tensor, values);
    return tensor;
  }

  /** An activation. */
  stored(values: ArrayLike<number>): Tensor {
    const tensor = this.arena.tensor("stored", [values.length], this.storage);
    this.fill(tensor, values);
    return tensor;
  }

  /** Values that an activation holds exactly. */
  storable(values: Float64Array): Float64Array {
    return this.storage === "f16" ? Float64Array.from(new Float16Array(values)) : values;
  }

  u32(values: ArrayLike<number>): Tensor {
    const tensor = this.arena.tensor("u32", [values.length], "u32");
    upload(this.gpu, tensor, Uint32Array.from(values));
    return tensor;
  }

  /** Gives an f32 or f16 tensor its values. */
  fill(tensor: Tensor, values: ArrayLike<number>): void {
    upload(this.gpu, tensor, Float32Array.from(values));
  }

  /** A tensor full of NaN: whatever a kernel forgets to write is found. */
  output(length: number): Tensor {
    return this.f32(new Float32Array(length).fill(NaN));
  }

  /** The same for an activation. */
  storedOutput(length: number): Tensor {
    return this.stored(new Float32Array(length).fill(NaN));
  }

  destroy(): void {
    this.arena.destroy();
  }
}

/** One array behind the other. */
export function join(parts: readonly ArrayLike<number>[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => Array.from(part)));
}
