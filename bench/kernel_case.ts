import type { Gpu } from "../src/gpu/device.ts";
import { type Dispatch, Program } from "../src/gpu/program.ts";
import { download, type Tensor } from "../src/gpu/tensor.ts";
import { LONG_SUM_ROUNDING } from "../src/experiment/tuning/search.ts";
import type { Operands } from "../src/experiment/tuning/operands.ts";
import { relativeError } from "../src/reference/compare.ts";

/** An operation at one shape of the network: how to run it, what it must give, what it costs at least. */
export interface KernelCase {
  /** Operation, such as "conv2d_forward". */
  readonly kernel: string;
  /** How it is computed, where there are several ways. */
  readonly variant?: string;
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
  readonly prepare: (operands: Operands) => PreparedCase;
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

/** Of the relative error of a result. */
export const tolerance = LONG_SUM_ROUNDING;

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
