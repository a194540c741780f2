/**
 * What tests on an adapter share: one device per test file, opened only where an adapter answers, and
 * tensors that live for one test. Without an adapter every such test is reported as ignored.
 */

import assert from "node:assert/strict";
import { Operands } from "../../src/check/operands.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { openGpu } from "../../src/host/open_gpu.ts";
import type { Dispatch } from "../../src/gpu/dispatch.ts";
import { Program } from "../../src/gpu/program.ts";
import { download, type Tensor } from "../../src/gpu/tensor.ts";
import type { StoredType } from "../../src/ops/storage.ts";
import { type Numbers, withoutF16Rounding } from "../../src/reference/compare.ts";
import { assertClose } from "./assert_close.ts";

/** Registers one test that needs the adapter. */
export type GpuTest = (name: string, run: (gpu: Gpu) => Promise<void> | void) => void;

/**
 * Opens the device of a test file. After each test no buffer may be left and no error may be waiting;
 * the device is closed behind the last one.
 */
export async function gpuTests(): Promise<GpuTest> {
  const found = await (navigator.gpu as GPU | undefined)?.requestAdapter();
  const gpu = found ? await openGpu() : null;
  Deno.test.afterAll(() => gpu?.destroy());
  return (name, run) =>
    Deno.test({
      name,
      ignore: gpu === null,
      fn: async () => {
        // Not simply 0, or one leak would fail all tests behind it as well.
        const before = gpu!.memory;
        await run(gpu!);
        await gpu!.settle();
        assert.deepEqual(gpu!.memory, before, "buffers are left");
      },
    });
}

/** Tensors of one test and what is done with them. */
export class Workbench extends Operands {
  /** Runs `use` with a workbench that is cleared afterwards, whatever happens. */
  static async with(gpu: Gpu, use: (bench: Workbench) => Promise<void>): Promise<void> {
    const bench = new Workbench(gpu, {}, "test");
    try {
      await use(bench);
    } finally {
      bench.destroy();
    }
  }

  /** A tensor that holds these values; a number of elements gives NaN, to show what is never written. */
  f32(values: ArrayLike<number> | number): Tensor {
    return this.output("f32", values);
  }

  /** The same for activations, which may be f16. */
  stored(type: StoredType, values: ArrayLike<number> | number): Tensor {
    return this.output(type, values, type);
  }

  u32(values: ArrayLike<number>): Tensor {
    return this.output("u32", values, "u32");
  }

  async run(dispatches: readonly Dispatch[]): Promise<void> {
    const program = await Program.build(this.gpu, "test", dispatches);
    program.run();
    program.destroy();
  }

  /** Reads tensors back, all in one mapping. */
  async read(...tensors: Tensor[]): Promise<(Float32Array | Uint32Array)[]> {
    return await download(this.gpu, tensors);
  }
}

/** The nearest values that a tensor of this type holds. */
export function storable(type: StoredType, values: Float64Array): Float64Array {
  return Float64Array.from(type === "f16" ? new Float16Array(values) : new Float32Array(values));
}

/** `assertClose` for what was read from a tensor of this type: the rounding to f16 is no error. */
export function assertStored(
  type: StoredType,
  name: string,
  actual: Numbers,
  expected: Numbers,
  tolerance: number,
): void {
  if (type === "f32") assertClose(name, actual, expected, tolerance);
  else assertClose(`${name} in f16`, withoutF16Rounding(actual, expected), expected, tolerance);
}

/** Fails unless both hold the same bits (NaN equals NaN, 0 does not equal -0). */
export function assertSameBits(
  actual: Float32Array | Uint32Array,
  expected: Float32Array | Uint32Array,
  what: string,
): void {
  const bits = (values: Float32Array | Uint32Array) =>
    new Uint32Array(values.buffer, values.byteOffset, values.length);
  const [found, wanted] = [bits(actual), bits(expected)];
  assert.equal(found.length, wanted.length, what);
  const differ = found.findIndex((word, i) => word !== wanted[i]);
  assert(differ < 0, `${what}: element ${differ} is ${actual[differ]}, not ${expected[differ]}`);
}
