import applyCode from "../../shaders/batch_norm_apply.wgsl" with { type: "text" };
import backwardApplyCode from "../../shaders/batch_norm_backward_apply.wgsl" with { type: "text" };
import backwardFinalizeCode from "../../shaders/batch_norm_backward_finalize.wgsl" with {
  type: "text",
};
import backwardReduceCode from "../../shaders/batch_norm_backward_reduce.wgsl" with {
  type: "text",
};
import finalizeCode from "../../shaders/batch_norm_finalize.wgsl" with { type: "text" };
import inferenceCode from "../../shaders/batch_norm_inference.wgsl" with { type: "text" };
import statisticsCode from "../../shaders/batch_norm_statistics.wgsl" with { type: "text" };
import segmentsLibrary from "../../shaders/lib/segments.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import { type Dispatch, words } from "../gpu/program.ts";
import type { Tensor, TensorRange } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";

const library = [segmentsLibrary];
const statistics = defineKernel({
  name: "batch_norm_statistics",
  code: statisticsCode,
  library,
  bindings: { dims: "uniform", z: "read", partials: "write" },
});
const finalize = defineKernel({
  name: "batch_norm_finalize",
  code: finalizeCode,
  library,
  bindings: {
    dims: "uniform",
    partials: "read",
    affine: "read",
    running: "write",
    statistics: "write",
  },
});
const inference = defineKernel({
  name: "batch_norm_inference",
  code: inferenceCode,
  bindings: { dims: "uniform", affine: "read", running: "read", statistics: "write" },
});
const apply = defineKernel({
  name: "batch_norm_apply",
  code: applyCode,
  library,
  constants: ["RESIDUAL", "RELU"],
  bindings: {
    dims: "uniform",
    z: "read",
    statistics: "read",
    residual: "read",
    residualStatistics: "read",
    y: "write",
  },
});
const backwardReduce = defineKernel({
  name: "batch_norm_backward_reduce",
  code: backwardReduceCode,
  library,
  constants: ["MASK"],
  bindings: {
    dims: "uniform",
    z: "read",
    y: "read",
    statistics: "read",
    gy: "write",
    partials: "write",
  },
});
const backwardFinalize = defineKernel({
  name: "batch_norm_backward_finalize",
  code: backwardFinalizeCode,
  library,
  bindings: {
    dims: "uniform",
    partials: "read",
    statistics: "read",
    coefficients: "write",
    gradients: "write",
  },
});
const backwardApply = defineKernel({
  name: "batch_norm_backward_apply",
  code: backwardApplyCode,
  library,
  bindings: {
    dims: "uniform",
    z: "read",
    g: "read",
    statistics: "read",
    coefficients: "read",
    dz: "write",
  },
});

/** Most segments that a batch can have: the stream, two replays and dreams. */
export const maxSegments = 4;

/** Pixels that a thread sums at least, where there are as many: fewer, and merging the threads is most of the work. */
const pixelsPerThread = 32;
const mostChunks = 64;

/** What one normalised activation looks like: channel groups of 4, and the pixels of each segment. */
export interface BatchNormShape {
  readonly channels4: number;
  /** rows x height x width of each segment, in order. */
  readonly segments: readonly number[];
}

/** Elements (f32) of the scratch buffers that a shape needs, whatever its chunking. */
export function batchNormScratch(channels4: number): {
  readonly partials: number;
  readonly statistics: number;
  readonly coefficients: number;
} {
  return {
    partials: maxSegments * mostChunks * 2 * channels4 * 4,
    statistics: maxSegments * 4 * channels4 * 4,
    coefficients: maxSegments * 2 * channels4 * 4,
  };
}

interface Chunking {
  readonly uniform: Uint32Array<ArrayBuffer>;
  readonly workgroups: readonly [number, number, number];
}

function segmentEnds(segments: readonly number[]): number[] {
  if (segments.length < 1 || segments.length > maxSegments) {
    throw new RangeError(
      `Cannot run batch norm: ${segments.length} segments, a batch has 1 to ${maxSegments}`,
    );
  }
  const ends: number[] = [];
  for (const pixels of segments) ends.push((ends.at(-1) ?? 0) + pixels);
  while (ends.length < maxSegments) ends.push(ends.at(-1)!);
  return ends;
}

function chunking({ channels4, segments }: BatchNormShape): Chunking {
  const longest = Math.max(...segments);
  let lanes = 1;
  while (lanes < channels4 && lanes < 64) lanes *= 2;
  const chunk = Math.max(pixelsPerThread * 64 / lanes, Math.ceil(longest / mostChunks));
  const chunks = Math.ceil(longest / chunk);
  return {
    uniform: words(
      channels4,
      lanes,
      chunk,
      chunks,
      segments.length,
      0,
      0,
      0,
      ...segmentEnds(segments),
    ),
    workgroups: [Math.ceil(channels4 / lanes), chunks, segments.length],
  };
}

function applySize({ channels4, segments }: BatchNormShape): Chunking {
  const threads = Math.ceil(Math.max(...segments) / 8) * channels4;
  return {
    uniform: words(channels4, segments.length, 0, 0, ...segmentEnds(segments)),
    workgroups: [groupsOf64(threads, 8192), segments.length, 1],
  };
}

/**
 * Training statistics of `z` (f32 NHWC), segment by segment, and the update of the running statistics: momentum 0.1,
 * unbiased variance, epsilon 1e-5, as PyTorch's `BatchNorm2d` does in one forward call per segment.
 *
 * @throws {RangeError} for a segment with fewer than two values per channel, which has no variance.
 */
export function recordBatchNormStatistics(options: {
  readonly shape: BatchNormShape;
  readonly z: Tensor;
  /** `[2, channels]`: gamma, beta. */
  readonly affine: TensorRange;
  /** `[2, channels]`: mean, variance. */
  readonly running: TensorRange;
  readonly partials: Tensor;
  /** `[segments, 4, channels]`: mean, inverse standard deviation, scale, beta. */
  readonly statistics: Tensor;
  readonly label: string;
}): Dispatch[] {
  const { shape, z, affine, running, partials, label } = options;
  if (Math.min(...shape.segments) < 2) {
    throw new RangeError(
      `Cannot train batch norm ${label}: a segment holds ${
        Math.min(...shape.segments)
      } value per channel, at least 2 ` +
        `are needed; use a larger batch`,
    );
  }
  const { uniform, workgroups } = chunking(shape);
  return [
    { kernel: statistics, label, uniform, buffers: [z, partials], workgroups },
    {
      kernel: finalize,
      label,
      uniform,
      buffers: [partials, affine, running, options.statistics],
      workgroups: [groupsOf64(shape.channels4)],
    },
  ];
}

/** Statistics of inference, from the running ones, in the form that {@linkcode recordBatchNormApply} reads. */
export function recordBatchNormInference(options: {
  readonly channels4: number;
  /** `[2, channels]`: gamma, beta. */
  readonly affine: TensorRange;
  readonly running: TensorRange;
  readonly statistics: Tensor;
  readonly label: string;
}): Dispatch {
  const { channels4, affine, running, statistics, label } = options;
  return {
    kernel: inference,
    label,
    uniform: words(channels4, 0, 0, 0),
    buffers: [affine, running, statistics],
    workgroups: [groupsOf64(channels4)],
  };
}

/** What is added before the ReLU: nothing, the block's input, or the normalised output of its convolution shortcut. */
export type Residual =
  | null
  | { readonly values: Tensor; readonly statistics: Tensor | null };

/** y = relu(normalised z + residual), or without the ReLU. */
export function recordBatchNormApply(options: {
  readonly shape: BatchNormShape;
  readonly z: Tensor;
  readonly statistics: Tensor;
  readonly residual: Residual;
  readonly relu: boolean;
  readonly y: Tensor;
  readonly label: string;
}): Dispatch {
  const { shape, z, statistics, residual, relu, y, label } = options;
  return {
    kernel: apply,
    label,
    constants: { RESIDUAL: residual ? residual.statistics ? 2 : 1 : 0, RELU: relu ? 1 : 0 },
    ...applySize(shape),
    buffers: [z, statistics, residual?.values ?? z, residual?.statistics ?? statistics, y],
  };
}

/**
 * Gradients of gamma and beta, and the sums that the input gradient needs. With `y` given (the output after the ReLU),
 * `gy` is first masked by y > 0, in place.
 */
export function recordBatchNormBackwardReduce(options: {
  readonly shape: BatchNormShape;
  readonly z: Tensor;
  readonly y: Tensor | null;
  readonly gy: Tensor;
  readonly statistics: Tensor;
  readonly partials: Tensor;
  /** `[segments, 2, channels]`; see batch_norm_backward_finalize.wgsl. */
  readonly coefficients: Tensor;
  /** `[2, channels]` of the flat gradient table: gamma, beta. */
  readonly gradients: TensorRange;
  readonly label: string;
}): Dispatch[] {
  const { shape, z, y, gy, statistics, partials, coefficients, gradients, label } = options;
  const { uniform, workgroups } = chunking(shape);
  return [
    {
      kernel: backwardReduce,
      label,
      constants: { MASK: y ? 1 : 0 },
      uniform,
      buffers: [z, y ?? z, statistics, gy, partials],
      workgroups,
    },
    {
      kernel: backwardFinalize,
      label,
      uniform,
      buffers: [partials, statistics, coefficients, gradients],
      workgroups: [groupsOf64(shape.channels4)],
    },
  ];
}

/** dz, the gradient of the batch norm's input, from the masked gradient `g` of its output. */
export function recordBatchNormBackwardApply(options: {
  readonly shape: BatchNormShape;
  readonly z: Tensor;
  readonly g: Tensor;
  readonly statistics: Tensor;
  readonly coefficients: Tensor;
  readonly dz: Tensor;
  readonly label: string;
}): Dispatch {
  const { shape, z, g, statistics, coefficients, dz, label } = options;
  return {
    kernel: backwardApply,
    label,
    ...applySize(shape),
    buffers: [z, g, statistics, coefficients, dz],
  };
}
