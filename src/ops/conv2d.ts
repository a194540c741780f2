import forwardCode from "../../shaders/conv2d_forward.wgsl" with { type: "text" };
import inputGradientCode from "../../shaders/conv2d_input_gradient.wgsl" with { type: "text" };
import weightGradientCode from "../../shaders/conv2d_weight_gradient.wgsl" with { type: "text" };
import reduceCode from "../../shaders/conv2d_weight_gradient_reduce.wgsl" with { type: "text" };
import plainRows from "../../shaders/conv2d_rows_plain.wgsl" with { type: "text" };
import subgroupRows from "../../shaders/conv2d_rows_subgroup.wgsl" with { type: "text" };
import plainWeights from "../../shaders/conv2d_weights_plain.wgsl" with { type: "text" };
import subgroupWeights from "../../shaders/conv2d_weights_subgroup.wgsl" with { type: "text" };
import multiplyAdd from "../../shaders/lib/multiply_add.wgsl" with { type: "text" };
import type { Gpu } from "../gpu/device.ts";
import { defineKernel } from "../gpu/kernel.ts";
import { type Dispatch, words } from "../gpu/program.ts";
import { range, type Tensor, type TensorRange } from "../gpu/tensor.ts";
import { groupsOf4 } from "./dispatch_size.ts";
import { bothStorages, storedAs } from "./storage.ts";

const forward = bothStorages((half, storage) =>
  variants((suffix) =>
    defineKernel({
      name: `conv2d_forward${suffix}${half}`,
      code: forwardCode,
      library: [suffix ? subgroupWeights : plainWeights, multiplyAdd, storage],
      constants: ["KERNEL", "STRIDE", "SECOND", "EXCHANGE"],
      bindings: { dims: "uniform", x: "read", weights: "read", y: "write" },
    })
  )
);
const inputGradient = variants((suffix) =>
  defineKernel({
    name: `conv2d_input_gradient${suffix}`,
    code: inputGradientCode,
    library: [suffix ? subgroupWeights : plainWeights, multiplyAdd],
    constants: ["KERNEL", "STRIDE", "SECOND", "EXCHANGE"],
    bindings: { dims: "uniform", gy: "read", weights: "read", addend: "read", gx: "write" },
  })
);
const weightGradient = bothStorages((half, storage) =>
  variants((suffix) =>
    defineKernel({
      name: `conv2d_weight_gradient${suffix}${half}`,
      code: weightGradientCode,
      library: [suffix ? subgroupRows : plainRows, storage],
      constants: ["KERNEL", "STRIDE", ...(suffix ? ["SHARED", "PAIRS"] : [])],
      bindings: { dims: "uniform", x: "read", gy: "read", partial: "write" },
    })
  )
);
const reduce = defineKernel({
  name: "conv2d_weight_gradient_reduce",
  code: reduceCode,
  bindings: { dims: "uniform", partial: "read", gradients: "write" },
});

/** A kernel in two ways: each lane loads what it needs, or the lanes of a subgroup share their loads. */
function variants<T>(define: (suffix: "" | "_subgroup") => T): { plain: T; subgroup: T } {
  return { plain: define(""), subgroup: define("_subgroup") };
}

/** Sizes of a convolution without bias: 3x3 with padding 1, or 1x1 without padding. */
export interface Conv2dShape {
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly kernel: 1 | 3;
  readonly stride: 1 | 2;
  readonly inputHeight: number;
  readonly inputWidth: number;
  readonly outputHeight: number;
  readonly outputWidth: number;
}

interface Conv2dOptions {
  readonly layer: Conv2dShape;
  /** Images in the batch. */
  readonly rows: number;
  readonly label?: string;
  /** Threads that a weight gradient aims at, see {@linkcode conv2dThreads}; default: what suits a CPU. */
  readonly threads?: number;
  /** Whether lanes share loads in subgroups; only where {@linkcode conv2dWantsSubgroups}. Default false. */
  readonly subgroups?: boolean;
}

interface WeightOptions extends Conv2dOptions {
  /** Weights `[kernel, kernel, inputs, outputs]`, channels padded to multiples of 4. */
  readonly weight: Tensor | TensorRange;
}

/**
 * Whether the subgroup variants may and should be used: they are written for subgroups of 8 lanes, those of CPU
 * adapters, whose loads cost much more than their arithmetic; there they are two to three times as fast (weight
 * gradient: 1.4 times). GPUs, with wider subgroups, serve the plain variants' loads (one address for all lanes) at once.
 */
export function conv2dWantsSubgroups(gpu: Gpu): boolean {
  const { subgroupMinSize, subgroupMaxSize } = gpu.device.adapterInfo;
  return gpu.features.has("subgroups") && subgroupMinSize === 8 && subgroupMaxSize === 8;
}

/** y = conv(x, weight). */
export function recordConv2dForward(
  options: WeightOptions & { readonly x: Tensor; readonly y: Tensor },
): Dispatch[] {
  const { layer, rows, x, weight, y, label, subgroups = false } = options;
  const { kernel, stride } = layer;
  const tile = tileOf(layer.outputChannels, stride);
  const strips = rows * Math.ceil(layer.outputHeight / tile.rows) * groupsOf4(layer.outputWidth);
  return [{
    kernel: forward[storedAs(x, y)][subgroups ? "subgroup" : "plain"],
    label,
    constants: {
      KERNEL: kernel,
      STRIDE: stride,
      SECOND: tile.second,
      EXCHANGE: subgroups && kernel === 3 && wholeRows(layer.outputWidth) ? 1 : 0,
    },
    uniform: words(...dims(layer, rows), 0),
    buffers: [x, weight, y],
    workgroups: [Math.ceil(strips / 64), Math.ceil(layer.outputChannels / tile.channels)],
  }];
}

/** gx = the gradient of x in y = conv(x, weight), plus `addend` where it is given. */
export function recordConv2dInputGradient(
  options: WeightOptions & {
    readonly gy: Tensor;
    readonly addend: Tensor | null;
    readonly gx: Tensor;
  },
): Dispatch[] {
  const { layer, rows, gy, weight, addend, gx, label, subgroups = false } = options;
  const { kernel, stride } = layer;
  const tile = tileOf(layer.inputChannels, stride);
  const rowStep = Math.max(stride, tile.rows);
  const strips = rows * Math.ceil(layer.inputHeight / rowStep) * groupsOf4(layer.inputWidth);
  return [{
    kernel: subgroups ? inputGradient.subgroup : inputGradient.plain,
    label,
    constants: {
      KERNEL: kernel,
      STRIDE: stride,
      SECOND: tile.second,
      EXCHANGE: subgroups && kernel === 3 && wholeRows(layer.inputWidth) ? 1 : 0,
    },
    uniform: words(...dims(layer, rows), addend ? 1 : 0),
    buffers: [gy, weight, addend ?? gy, gx],
    workgroups: [
      Math.ceil(strips / 64),
      Math.ceil(layer.inputChannels / tile.channels),
      stride,
    ],
  }];
}

/**
 * Writes the gradient of the weights into `gradient`, by way of partial sums in `partials` (at least
 * {@linkcode conv2dPartials} elements for the same layer and at least as many rows; fewer only mean less parallelism,
 * down to one set).
 */
export function recordConv2dWeightGradient(
  options: Conv2dOptions & {
    readonly x: Tensor;
    readonly gy: Tensor;
    readonly partials: Tensor;
    readonly gradient: Tensor | TensorRange;
  },
): Dispatch[] {
  const { partials, gradient } = options;
  const { dispatch, sum } = recordConv2dPartialSums({ ...options, partials: range(partials) });
  return sum ? [dispatch, ...recordConv2dSums([sum], partials, gradient)] : [dispatch];
}

/** Partial sums of a layer that are still to be added up. */
export interface Conv2dSum {
  readonly layer: Conv2dShape;
  /** Where its partial sums begin in the tensor that holds them. */
  readonly partials: TensorRange;
  readonly gradient: Tensor | TensorRange;
  readonly chunks: number;
}

/**
 * The first half of the gradient of the weights: partial sums, for {@linkcode recordConv2dSums} to add up together with
 * those of other layers. Where one set is enough it is the gradient, and there is no sum.
 */
export function recordConv2dPartialSums(
  options: Conv2dOptions & {
    readonly x: Tensor;
    readonly gy: Tensor;
    readonly partials: TensorRange;
    readonly gradient: Tensor | TensorRange;
  },
): { readonly dispatch: Dispatch; readonly sum: Conv2dSum | null } {
  const { layer, rows, x, gy, partials, gradient, label, subgroups = false } = options;
  const { threads: wanted = cpuThreads } = options;
  const most = Math.floor(partials.size / 4 / weightLength(layer));
  const { chunks, stripsPerChunk } = split(layer, rows, wanted, most);
  const outGroups = groupsOf4(layer.outputChannels);
  const inGroups = groupsOf4(layer.inputChannels);
  const threads = chunks * inGroups * outGroups;
  // Threads are ordered by output group first, so that so many neighbours share their input.
  const shared = (subgroups && [8, 4, 2].find((lanes) => outGroups % lanes === 0)) || null;
  const pairs = shared !== null && shared < 8 && outGroups === shared && inGroups % 2 === 0;
  return {
    dispatch: {
      kernel: weightGradient[storedAs(x)][shared ? "subgroup" : "plain"],
      label,
      constants: {
        KERNEL: layer.kernel,
        STRIDE: layer.stride,
        ...(shared && { SHARED: shared, PAIRS: pairs ? 1 : 0 }),
      },
      uniform: words(...dims(layer, rows), chunks, stripsPerChunk),
      buffers: [x, gy, chunks === 1 ? gradient : partials],
      workgroups: [Math.ceil(threads / 64)],
    },
    sum: chunks === 1 ? null : { layer, partials, gradient, chunks },
  };
}

/** Layers whose sums fit into the uniform record of one dispatch. */
const sumsPerDispatch = 15;

/**
 * The second half: the sums over the parts of several layers, all parts in `partials`, all gradients in the tensor of
 * `gradients`.
 */
export function recordConv2dSums(
  sums: readonly Conv2dSum[],
  partials: Tensor,
  gradients: Tensor | TensorRange,
): Dispatch[] {
  const dispatches: Dispatch[] = [];
  const { tensor, offset } = "tensor" in gradients ? gradients : range(gradients);
  for (let first = 0; first < sums.length; first += sumsPerDispatch) {
    const part = sums.slice(first, first + sumsPerDispatch);
    const sizes = part.map(({ layer }) => weightLength(layer) / 4);
    const layers = part.flatMap((sum, i) => {
      const gradient = "tensor" in sum.gradient ? sum.gradient : range(sum.gradient);
      if (sum.partials.tensor !== partials || gradient.tensor !== tensor) {
        throw new TypeError("Cannot add up partial sums: they lie in different tensors");
      }
      return [sum.partials.offset / 16, (gradient.offset - offset) / 16, sizes[i], sum.chunks];
    });
    const padding = new Array(4 * (sumsPerDispatch - part.length)).fill(0);
    dispatches.push({
      kernel: reduce,
      uniform: words(part.length, 0, 0, 0, ...layers, ...padding),
      buffers: [partials, gradients],
      workgroups: [sizes.reduce((groups, size) => groups + Math.ceil(size / 64), 0)],
    });
  }
  return dispatches;
}

/** Elements of scratch that the weight gradient of a layer wants for batches of up to `rows` images. */
export function conv2dPartials(layer: Conv2dShape, rows: number, threads = cpuThreads): number {
  return wantedChunks(layer, rows, threads) * weightLength(layer);
}

/**
 * Threads that a weight gradient should aim at: on a CPU enough to keep its cores busy, on a GPU as many as its partial
 * sums (576 bytes for each thread) are worth. The latter is an estimate: no GPU was at hand.
 */
export function conv2dThreads({ adapter }: Gpu): number {
  return adapter.isFallback ? cpuThreads : 16384;
}

const cpuThreads = 512;

/** At least as many for more rows. */
function wantedChunks(layer: Conv2dShape, rows: number, threads: number): number {
  const pairs = groupsOf4(layer.inputChannels) * groupsOf4(layer.outputChannels);
  return Math.min(rows * groupsOf4(layer.outputWidth), Math.ceil(threads / pairs));
}

/** How the strips (4 columns of the output over its height) of a batch are shared out among at most `most` chunks. */
function split(layer: Conv2dShape, rows: number, threads: number, most: number) {
  const strips = rows * groupsOf4(layer.outputWidth);
  const wanted = Math.max(1, Math.min(most, wantedChunks(layer, rows, threads)));
  const stripsPerChunk = Math.ceil(strips / wanted);
  return { chunks: Math.ceil(strips / stripsPerChunk), stripsPerChunk };
}

/**
 * What a thread of the forward and input gradient kernels computes beside 8 channels of 4 pixels (their constant
 * SECOND): 8 more channels where there are more, else a second row where the stride allows it.
 */
function tileOf(
  channels: number,
  stride: 1 | 2,
): { second: number; rows: number; channels: number } {
  if (channels > 8) return { second: 1, rows: 1, channels: 16 };
  return stride === 1 ? { second: 2, rows: 2, channels: 8 } : { second: 0, rows: 1, channels: 8 };
}

/** Whether the 8 lanes of a subgroup hold whole rows of strips, so that no strip lacks a neighbour in its row. */
function wholeRows(width: number): boolean {
  return 8 % groupsOf4(width) === 0;
}

function weightLength({ kernel, inputChannels, outputChannels }: Conv2dShape): number {
  return kernel ** 2 * groupsOf4(inputChannels) * groupsOf4(outputChannels) * 16;
}

function dims(layer: Conv2dShape, rows: number): number[] {
  return [
    rows,
    layer.inputHeight,
    layer.inputWidth,
    groupsOf4(layer.inputChannels),
    layer.outputHeight,
    layer.outputWidth,
    groupsOf4(layer.outputChannels),
  ];
}
