import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import type { Gpu } from "../gpu/device.ts";
import { range, type Tensor, type TensorRange } from "../gpu/tensor.ts";
import {
  forwardKernels,
  inputGradientKernels,
  reduceKernel,
  stemForwardKernels,
  stemWeightGradientKernels,
  weightGradientKernels,
} from "./conv2d_kernels.ts";
import {
  type Conv2dShape,
  type Conv2dVariant,
  groupsOfSlab,
  plainVariant,
  type Strips,
} from "./conv2d_variants.ts";
import { groupsOf4, mostWorkgroups } from "./dispatch_size.ts";
import { storedAs, type StoredType } from "./storage.ts";

interface Conv2dOptions {
  readonly layer: Conv2dShape;
  /** Images in the batch. */
  readonly rows: number;
  readonly label?: string;
  /** Threads that a weight gradient aims at, see {@linkcode conv2dThreads}; default: what suits a CPU. */
  readonly threads?: number;
  /** How it is computed; default: strips without subgroups. */
  readonly variant?: Conv2dVariant;
}

interface WeightOptions extends Conv2dOptions {
  /** Weights `[kernel, kernel, inputs, outputs]`, channels padded to multiples of 4. */
  readonly weight: Tensor | TensorRange;
}

/** y = conv(x, weight). */
export function recordConv2dForward(
  options: WeightOptions & { readonly x: Tensor; readonly y: Tensor },
): Dispatch[] {
  const { layer, rows, x, weight, y, label, variant } = options;
  const stored = storedAs(x, y);
  const kernels = layer.kernel === 7 ? stemForwardKernels[stored] : forwardKernels[stored];
  return [dispatch({
    ...launchOf(kernels, variant, plainVariant("forward", layer), layer, {
      rows,
      height: layer.outputHeight,
      width: layer.outputWidth,
      channels: layer.outputChannels,
      summed: layer.inputChannels,
      parities: 1,
    }),
    label,
    uniform: dims(layer, rows),
    buffers: { x, weight, y },
  })];
}

/** gx = the gradient of x in y = conv(x, weight), plus `addend` where it is given. */
export function recordConv2dInputGradient(
  options: WeightOptions & {
    readonly gy: Tensor;
    readonly addend: Tensor | null;
    readonly gx: Tensor;
  },
): Dispatch[] {
  const { layer, rows, gy, weight, addend, gx, label, variant } = options;
  if (layer.kernel === 7) {
    throw new TypeError("Cannot record the gradient of the input of a stem: it is that of images");
  }
  const plain = plainVariant("input_gradient", layer);
  return [dispatch({
    ...launchOf(inputGradientKernels, variant, plain, layer, {
      rows,
      height: layer.inputHeight,
      width: layer.inputWidth,
      channels: layer.inputChannels,
      summed: layer.outputChannels,
      parities: layer.stride,
    }),
    label,
    uniform: { ...dims(layer, rows), accumulate: addend ? 1 : 0 },
    buffers: { gy, weight, addend: addend ?? gy, gx },
  })];
}

/**
 * Kernel, constants and size of a launch of the forward pass or of the input gradient. `plain` stands in for no
 * variant, for tiles of a stem, which has none, and for those of a batch so large that there are too many: it gives
 * the same bits.
 */
function launchOf(
  kernels: typeof inputGradientKernels | typeof stemForwardKernels["f32"],
  variant: Conv2dVariant | undefined,
  plain: Strips,
  { kernel, stride }: Conv2dShape,
  /**
   * What is written; `summed`: channels of what is read; `parities` of rows and columns that are grids of their own.
   */
  written: {
    readonly rows: number;
    readonly height: number;
    readonly width: number;
    readonly channels: number;
    readonly summed: number;
    readonly parities: 1 | 2;
  },
): Pick<Dispatch, "kernel" | "constants" | "workgroups"> {
  const { rows, height, width, channels, summed, parities } = written;
  const pixels = rows * Math.ceil(height / parities) * Math.ceil(width / parities);
  if (
    variant?.kind === "tiles" && "tiled" in kernels &&
    Math.ceil(pixels / variant.rows) <= mostWorkgroups
  ) {
    return {
      kernel: kernels.tiled,
      constants: {
        KERNEL: kernel,
        STRIDE: stride,
        GROUPS: groupsOfSlab(kernel, groupsOf4(summed)),
        TILE_PIXELS: variant.rows,
        TILE_CHANNELS: variant.columns,
        THREAD_ROWS: variant.perThread,
      },
      workgroups: [
        Math.ceil(pixels / variant.rows),
        Math.ceil(channels / variant.columns),
        parities ** 2,
      ],
    };
  }
  const way = variant?.kind === "strips" ? variant : plain;
  const strips = rows * Math.ceil(height / Math.max(parities, way.rows)) * groupsOf4(width);
  return {
    kernel: way.subgroups ? kernels.subgroup : kernels.plain,
    constants: {
      KERNEL: kernel,
      STRIDE: stride,
      SECOND: way.rows === 2 ? 2 : way.channels === 16 ? 1 : 0,
      EXCHANGE: way.subgroups && kernel === 3 && wholeRows(width) ? 1 : 0,
    },
    workgroups: [Math.ceil(strips / 64), Math.ceil(channels / way.channels), parities],
  };
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
  const { layer, rows, x, gy, partials, gradient, label } = options;
  const { threads = cpuThreads, variant = plainVariant("weight_gradient", layer) } = options;
  const most = Math.floor(partials.size / 4 / weightLength(layer));
  const { chunks, stripsPerChunk } = split(layer, rows, threads, most);
  return {
    dispatch: dispatch({
      ...partialSumsLaunch(storedAs(x), variant, layer, chunks),
      label,
      uniform: { ...dims(layer, rows), chunks, stripsPerChunk },
      buffers: { x, gy, partials: chunks === 1 ? gradient : partials },
    }),
    sum: chunks === 1 ? null : { layer, partials, gradient, chunks },
  };
}

/** Kernel, constants and size of the launch that gives the partial sums of so many chunks. */
function partialSumsLaunch(
  stored: StoredType,
  variant: Conv2dVariant,
  layer: Conv2dShape,
  chunks: number,
): Pick<Dispatch, "kernel" | "constants" | "workgroups"> {
  const constants = { KERNEL: layer.kernel, STRIDE: layer.stride };
  if (layer.kernel === 7) {
    const threads = chunks * threadsPerSet(layer);
    return {
      kernel: stemWeightGradientKernels[stored],
      constants,
      workgroups: [Math.ceil(threads / 64)],
    };
  }
  const kernels = weightGradientKernels[stored];
  if (variant.kind === "tiles") {
    return {
      kernel: kernels.tiled,
      constants: {
        ...constants,
        TILE_INPUTS: variant.rows,
        TILE_OUTPUTS: variant.columns,
        THREAD_ROWS: variant.perThread,
      },
      workgroups: [
        Math.ceil(layer.outputChannels / variant.columns),
        Math.ceil(layer.inputChannels / variant.rows),
        chunks * layer.kernel ** 2,
      ],
    };
  }
  const outGroups = groupsOf4(layer.outputChannels);
  const inGroups = groupsOf4(layer.inputChannels);
  const workgroups = [Math.ceil(chunks * threadsPerSet(layer) / 64)] as const;
  // Threads are ordered by output group first, so that so many neighbours share their input.
  const shared = variant.subgroups && [8, 4, 2].find((lanes) => outGroups % lanes === 0);
  if (!shared) return { kernel: kernels.plain, constants, workgroups };
  const pairs = shared < 8 && outGroups === shared && inGroups % 2 === 0;
  return {
    kernel: kernels.subgroup,
    constants: { ...constants, SHARED: shared, PAIRS: pairs ? 1 : 0 },
    workgroups,
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
    const layers = part.map((sum, i) => {
      const gradient = "tensor" in sum.gradient ? sum.gradient : range(sum.gradient);
      if (sum.partials.tensor !== partials || gradient.tensor !== tensor) {
        throw new TypeError("Cannot add up partial sums: they lie in different tensors");
      }
      return [sum.partials.offset / 16, (gradient.offset - offset) / 16, sizes[i], sum.chunks];
    });
    const unused = Array.from({ length: sumsPerDispatch - part.length }, () => [0, 0, 0, 0]);
    dispatches.push(dispatch({
      kernel: reduceKernel,
      uniform: { count: part.length, layers: [...layers, ...unused] },
      buffers: { partials, gradients },
      workgroups: [sizes.reduce((groups, size) => groups + Math.ceil(size / 64), 0)],
    }));
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
  return Math.min(
    rows * groupsOf4(layer.outputWidth),
    Math.ceil(threads / threadsPerSet(layer)),
  );
}

/** Threads in strips for one set of partial sums: one for 4 by 4 channels, of a stem for each row of its kernel. */
function threadsPerSet({ inputChannels, outputChannels, kernel }: Conv2dShape): number {
  return groupsOf4(inputChannels) * groupsOf4(outputChannels) * (kernel === 7 ? 7 : 1);
}

/** How the strips (4 columns of the output over its height) of a batch are shared out among at most `most` chunks. */
function split(layer: Conv2dShape, rows: number, threads: number, most: number) {
  const strips = rows * groupsOf4(layer.outputWidth);
  const wanted = Math.max(1, Math.min(most, wantedChunks(layer, rows, threads)));
  const stripsPerChunk = Math.ceil(strips / wanted);
  return { chunks: Math.ceil(strips / stripsPerChunk), stripsPerChunk };
}

/** Whether the 8 lanes of a subgroup hold whole rows of strips, so that no strip lacks a neighbour in its row. */
function wholeRows(width: number): boolean {
  return 8 % groupsOf4(width) === 0;
}

function weightLength({ kernel, inputChannels, outputChannels }: Conv2dShape): number {
  return kernel ** 2 * groupsOf4(inputChannels) * groupsOf4(outputChannels) * 16;
}

/** Sizes of images and groups of 4 channels; the last three are of some passes only. */
function dims(layer: Conv2dShape, rows: number) {
  const { inputHeight, inputWidth, inputChannels, outputHeight, outputWidth, outputChannels } =
    layer;
  return {
    batch: rows,
    inHeight: inputHeight,
    inWidth: inputWidth,
    inGroups: groupsOf4(inputChannels),
    outHeight: outputHeight,
    outWidth: outputWidth,
    outGroups: groupsOf4(outputChannels),
    ...{ accumulate: 0, chunks: 0, stripsPerChunk: 0 },
  };
}
