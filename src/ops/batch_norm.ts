import applyCode from "../../shaders/batch_norm_apply.wgsl" with { type: "text" };
import backwardApplyCode from "../../shaders/batch_norm_backward_apply.wgsl" with { type: "text" };
import backwardReduceCode from "../../shaders/batch_norm_backward_reduce.wgsl" with {
  type: "text",
};
import finalizeCode from "../../shaders/batch_norm_finalize.wgsl" with { type: "text" };
import inferenceCode from "../../shaders/batch_norm_inference.wgsl" with { type: "text" };
import statisticsCode from "../../shaders/batch_norm_statistics.wgsl" with { type: "text" };
import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import type { Tensor, TensorRange } from "../gpu/tensor.ts";
import { groupsOf64WithoutStride, mostWorkgroups } from "./dispatch_size.ts";
import { shader } from "./shader.ts";
import { bothStorages, storedAs } from "./storage.ts";

const statistics = bothStorages((suffix, storage) =>
  shader(`batch_norm_statistics${suffix}`, statisticsCode, storage)
);
const finalize = shader("batch_norm_finalize", finalizeCode);
const inference = shader("batch_norm_inference", inferenceCode);
const apply = bothStorages((suffix, storage) =>
  shader(`batch_norm_apply${suffix}`, applyCode, storage)
);
const backwardReduce = bothStorages((suffix, storage) =>
  shader(`batch_norm_backward_reduce${suffix}`, backwardReduceCode, storage)
);
const backwardApply = bothStorages((suffix, storage) =>
  shader(`batch_norm_backward_apply${suffix}`, backwardApplyCode, storage)
);

/** Its kernels. */
export const batchNormKernels = {
  ...{ statistics, finalize, inference, apply },
  ...{ backwardReduce, backwardApply },
};

/** Most segments that a batch can have: the stream, two replays and dreams. */
export const maxSegments = 4;

/** Pixels that a thread sums at least, where there are as many: fewer, and merging the threads is most of the work. */
const summedPixels = 32;
/**
 * Pixels that a thread normalises, after its workgroup has merged the chunks: on a CPU enough to make that cheap (with
 * 32 of them it was a third of the time); on a GPU few, so that there are many threads.
 */
const appliedPixels = { few: 128, many: 16 };
const mostChunks = 64;

/** What one normalised activation looks like: channel groups of 4, and the pixels of each segment. */
export interface BatchNormShape {
  readonly channels4: number;
  /** rows x height x width of each segment, in order. */
  readonly segments: readonly number[];
  /** Whether the adapter runs few threads at a time, as a CPU does; default false. */
  readonly fewThreads?: boolean;
}

/** Elements (f32) of the buffers that a shape needs, whatever its chunking. */
export function batchNormScratch(
  channels4: number,
): { readonly partials: number; readonly statistics: number } {
  return {
    partials: maxSegments * mostChunks * 2 * channels4 * 4,
    statistics: maxSegments * 4 * channels4 * 4,
  };
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

/** How a shape is shared out: see lib/batch_norm.wgsl. */
function sharing({ channels4, segments, fewThreads = false }: BatchNormShape) {
  const longest = Math.max(...segments);
  let lanes = 1;
  while (lanes < channels4 && lanes < 64) lanes *= 2;
  const pixelLanes = 64 / lanes;
  const chunk = Math.max(summedPixels * pixelLanes, Math.ceil(longest / mostChunks));
  const chunks = Math.ceil(longest / chunk);
  const applied = fewThreads ? appliedPixels.few : appliedPixels.many;
  const block = Math.max(applied * pixelLanes, Math.ceil(longest / mostWorkgroups));
  const channelBlocks = Math.ceil(channels4 / lanes);
  return {
    uniform: {
      ...{ channels4, lanes, chunk, chunks, block },
      ...{ segments: segments.length, ends: segmentEnds(segments) },
    },
    channelBlocks,
    chunkGroups: [channelBlocks, chunks, segments.length] as const,
    blockGroups: [channelBlocks, Math.ceil(longest / block), segments.length] as const,
  };
}

/**
 * Training statistics of `z` (NHWC), chunk by chunk of each segment, into `partials`: what
 * {@linkcode recordBatchNormApply} or {@linkcode recordBatchNormFinalize} goes on with.
 *
 * @throws {RangeError} for a segment with fewer than two values per channel, which has no variance.
 */
export function recordBatchNormStatistics(options: {
  readonly shape: BatchNormShape;
  readonly z: Tensor;
  readonly partials: Tensor;
  readonly label: string;
}): Dispatch {
  const { shape, z, partials, label } = options;
  if (Math.min(...shape.segments) < 2) {
    throw new RangeError(
      `Cannot train batch norm ${label}: a segment holds ${
        Math.min(...shape.segments)
      } value per channel, at least 2 ` +
        `are needed; use a larger batch`,
    );
  }
  const { uniform, chunkGroups } = sharing(shape);
  return dispatch({
    kernel: statistics[storedAs(z)],
    label,
    uniform,
    buffers: { z, partials },
    workgroups: chunkGroups,
  });
}

/** A layer's parameters, running statistics, and the statistics that its backward pass reads. */
export interface BatchNormState {
  /** `[2, channels]`: gamma, beta. */
  readonly affine: TensorRange;
  /** `[2, channels]`: mean, variance. */
  readonly running: TensorRange;
  /** `[segments, 4, channels]`: mean, inverse standard deviation, scale, beta. */
  readonly statistics: Tensor;
}

/**
 * `statistics` of each segment from `partials`, and the update of the running ones: momentum 0.1, unbiased variance,
 * epsilon 1e-5, as PyTorch's `BatchNorm2d` does in one forward call per segment. {@linkcode recordBatchNormApply} does
 * this by the way; on its own it is needed for the norm of a convolution shortcut.
 */
export function recordBatchNormFinalize(
  options: BatchNormState & {
    readonly shape: BatchNormShape;
    readonly partials: Tensor;
    readonly label: string;
  },
): Dispatch {
  const { shape, partials, affine, running, label } = options;
  const { uniform, channelBlocks } = sharing(shape);
  return dispatch({
    kernel: finalize,
    label,
    uniform,
    buffers: { partials, affine, running, statistics: options.statistics },
    workgroups: [channelBlocks],
  });
}

/** `statistics` of inference, from the running ones: for a convolution shortcut, as the finalize kernel in training. */
export function recordBatchNormInference(
  options: BatchNormState & { readonly channels4: number; readonly label: string },
): Dispatch {
  const { channels4, affine, running, statistics, label } = options;
  return dispatch({
    kernel: inference,
    label,
    uniform: { channels4 },
    buffers: { affine, running, statistics },
    workgroups: [groupsOf64WithoutStride(inference.name, channels4)],
  });
}

/** What is added before the ReLU: nothing, the block's input, or the normalised output of its convolution shortcut. */
export type Residual =
  | null
  | { readonly values: Tensor; readonly statistics: Tensor | null };

/**
 * y = relu(normalised z + residual), or without the ReLU. With `partials` in training mode: also fills `statistics` and
 * moves `running`. Without, in inference mode: by the running statistics; a shape of one segment.
 */
export function recordBatchNormApply(
  options: BatchNormState & {
    readonly shape: BatchNormShape;
    readonly z: Tensor;
    /** As {@linkcode recordBatchNormStatistics} left them; null: inference. */
    readonly partials: Tensor | null;
    readonly residual: Residual;
    readonly relu: boolean;
    readonly y: Tensor;
    readonly label: string;
  },
): Dispatch {
  const { shape, z, partials, affine, running, statistics, residual, relu, y, label } = options;
  const { uniform, blockGroups } = sharing(shape);
  return dispatch({
    kernel: apply[storedAs(z, y, ...(residual ? [residual.values] : []))],
    label,
    constants: {
      RESIDUAL: residual ? residual.statistics ? 2 : 1 : 0,
      RELU: relu ? 1 : 0,
      TRAINING: partials ? 1 : 0,
    },
    uniform,
    // What is not read is bound to something of its type.
    buffers: {
      ...{ z, partials: partials ?? affine, affine, running, statistics, y },
      residual: residual?.values ?? z,
      residualStatistics: residual?.statistics ?? affine,
    },
    workgroups: blockGroups,
  });
}

/**
 * What the gradient is masked by, the ReLU behind the norm: nothing (it is masked already, or there is none); the
 * output `y`, and the masked gradient is written back, for a shortcut; or the output of this very norm, computed again.
 */
export type ReluMask = null | { readonly y: Tensor } | "own output";

const maskNumber = (mask: ReluMask) => mask === null ? 0 : mask === "own output" ? 2 : 1;

/** The sums over each chunk of pixels that {@linkcode recordBatchNormBackwardApply} goes on with. */
export function recordBatchNormBackwardReduce(options: {
  readonly shape: BatchNormShape;
  readonly z: Tensor;
  readonly mask: ReluMask;
  readonly gy: Tensor;
  readonly statistics: Tensor;
  readonly partials: Tensor;
  readonly label: string;
}): Dispatch {
  const { shape, z, mask, gy, statistics, partials, label } = options;
  const { uniform, chunkGroups } = sharing(shape);
  const y = mask && mask !== "own output" ? mask.y : z;
  return dispatch({
    kernel: backwardReduce[storedAs(z, y)],
    label,
    constants: { MASK: maskNumber(mask) },
    uniform,
    buffers: { z, y, statistics, gy, partials },
    workgroups: chunkGroups,
  });
}

/** dz, the gradient of the batch norm's input, and those of gamma and beta; after the sums with the same `mask`. */
export function recordBatchNormBackwardApply(options: {
  readonly shape: BatchNormShape;
  readonly z: Tensor;
  readonly mask: ReluMask;
  readonly gy: Tensor;
  readonly statistics: Tensor;
  readonly partials: Tensor;
  /** `[2, channels]` of the flat gradient table: gamma, beta. */
  readonly gradients: TensorRange;
  readonly dz: Tensor;
  readonly label: string;
}): Dispatch {
  const { shape, z, mask, gy, statistics, partials, gradients, dz, label } = options;
  const { uniform, blockGroups } = sharing(shape);
  return dispatch({
    kernel: backwardApply[storedAs(z)],
    label,
    constants: { MASK: maskNumber(mask) },
    uniform,
    buffers: { z, gy, partials, statistics, gradients, gz: dz },
    workgroups: blockGroups,
  });
}
