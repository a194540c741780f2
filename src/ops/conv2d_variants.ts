import type { Gpu } from "../gpu/device.ts";
import { groupsOf4, mostWorkgroups } from "./dispatch_size.ts";

/**
 * Sizes of a convolution without bias: 3x3 with padding 1, 1x1 without padding, or a stem's 7x7 with padding 3, which
 * has stride 2 and no gradient of its input.
 */
export interface Conv2dShape {
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly kernel: 1 | 3 | 7;
  readonly stride: 1 | 2;
  readonly inputHeight: number;
  readonly inputWidth: number;
  readonly outputHeight: number;
  readonly outputWidth: number;
}

/** What is computed of a convolution. */
export type Conv2dPass = "forward" | "input_gradient" | "weight_gradient";

/** All of them. */
export const conv2dPasses = ["forward", "input_gradient", "weight_gradient"] as const;

/**
 * A thread computes 4 pixels in a row by `channels` channels from what it loads itself (of a weight gradient: 4 by 4
 * channels of all taps), or from what the 8 lanes of its subgroup load together.
 */
export interface Strips {
  readonly kind: "strips";
  /** 16 only where there are more than 8. Weight gradients have 8 and one row, which says nothing there. */
  readonly channels: 8 | 16;
  /** Rows of 4 pixels: 2 only with 8 channels and stride 1. */
  readonly rows: 1 | 2;
  readonly subgroups: boolean;
}

/**
 * A workgroup computes `rows` pixels (of a weight gradient: input channels) by `columns` channels in workgroup
 * memory.
 */
interface Tiles {
  readonly kind: "tiles";
  readonly rows: number;
  readonly columns: number;
  /** Rows of a thread, which has 8 columns. */
  readonly perThread: 4 | 8;
}

/**
 * One of the ways to compute a pass. All give the same sums in the same order, and so the same bits, except strips of
 * two rows, which take the rows of the kernel last.
 */
export type Conv2dVariant = Strips | Tiles;

/** The way of each pass of each layer. */
export type Conv2dChoice = (pass: Conv2dPass, layer: Conv2dShape) => Conv2dVariant;

/** Strips without subgroups, which run on any adapter. */
export function plainVariant(pass: Conv2dPass, layer: Conv2dShape): Strips {
  return strips(pass, layer, false);
}

/**
 * What suits this kind of adapter, as far as can be said without trying: {@linkcode conv2dCandidates} are to be
 * tried.
 */
export function defaultVariant(gpu: Gpu): Conv2dChoice {
  const subgroups = conv2dWantsSubgroups(gpu);
  return (pass, layer) => {
    const narrowest = Math.min(
      widthOf(pass, layer),
      pass === "weight_gradient" ? layer.inputChannels : Infinity,
    );
    if (gpu.adapter.isFallback || narrowest < 32 || layer.kernel === 7) {
      return strips(pass, layer, subgroups);
    }
    return { kind: "tiles", rows: 64, columns: 64, perThread: 8 };
  };
}

/**
 * The ways that are worth trying on this adapter, the default first: those that give its bits and that fit.
 *
 * @param rows images in the batch.
 */
export function conv2dCandidates(
  gpu: Gpu,
  pass: Conv2dPass,
  layer: Conv2dShape,
  rows: number,
): Conv2dVariant[] {
  const first = defaultVariant(gpu)(pass, layer);
  const plain = strips(pass, layer, false);
  const all: Conv2dVariant[] = [first, plain];
  if (layer.kernel === 7 && pass === "weight_gradient") return [plain];
  if (conv2dWantsSubgroups(gpu)) all.push(strips(pass, layer, true));
  if (plain.rows === 1) {
    all.push(
      ...all.flatMap((variant) =>
        pass !== "weight_gradient" && variant.kind === "strips" && variant.channels === 16
          ? { ...variant, channels: 8 as const }
          : []
      ),
    );
    all.push(...tiles.filter((tile) => worthTrying(gpu, pass, layer, rows, tile)));
  }
  return [...new Map(all.map((variant) => [variantName(variant), variant])).values()];
}

/** Large ones for many pixels, small ones for layers with few. */
const tiles: readonly Tiles[] = [
  [128, 64, 8],
  [64, 64, 8],
  [64, 64, 4],
  [64, 32, 8],
  [32, 64, 4],
  [32, 32, 4],
].map(([rows, columns, perThread]) => ({
  kind: "tiles",
  rows,
  columns,
  perThread: perThread as 4 | 8,
}));

/** Short and unambiguous: "strips_16", "strips_8x2_subgroup", "tiles_64x32_8". */
export function variantName(variant: Conv2dVariant): string {
  if (variant.kind === "tiles") {
    return `tiles_${variant.rows}x${variant.columns}_${variant.perThread}`;
  }
  const { channels, rows, subgroups } = variant;
  return `strips_${channels}${rows === 2 ? "x2" : ""}${subgroups ? "_subgroup" : ""}`;
}

/**
 * Whether strips in subgroups may and should be used: they are written for subgroups of 8 lanes, those of CPU adapters,
 * whose loads cost much more than their arithmetic; there they are two to three times as fast (weight gradient: 1.4
 * times). GPUs, with wider subgroups, serve the plain kernels' loads (one address for all lanes) at once.
 */
export function conv2dWantsSubgroups(gpu: Gpu): boolean {
  const { subgroupMinSize, subgroupMaxSize } = gpu.device.adapterInfo;
  return gpu.features.has("subgroups") && subgroupMinSize === 8 && subgroupMaxSize === 8;
}

/** Groups of 4 channels that a slab of tiles takes at a time, of so many groups. */
export function groupsOfSlab(kernel: number, groups: number): number {
  return (kernel === 1 ? [4, 2] : [2]).find((count) => groups % count === 0) ?? 1;
}

/** 8 more channels where there are more, else a second row where the stride allows it. */
function strips(pass: Conv2dPass, layer: Conv2dShape, subgroups: boolean): Strips {
  const wide = widthOf(pass, layer) > 8 && pass !== "weight_gradient";
  const tall = !wide && layer.stride === 1 && pass !== "weight_gradient";
  const shares = subgroups && !(layer.kernel === 7 && pass === "weight_gradient");
  return { kind: "strips", channels: wide ? 16 : 8, rows: tall ? 2 : 1, subgroups: shares };
}

/** Channels of what is written. */
function widthOf(pass: Conv2dPass, layer: Conv2dShape): number {
  return pass === "input_gradient" ? layer.inputChannels : layer.outputChannels;
}

/** Tiles that are mostly filled, and that the adapter has the memory and the workgroups for. */
function worthTrying(
  { adapter, limits }: Gpu,
  pass: Conv2dPass,
  layer: Conv2dShape,
  batch: number,
  { rows, columns, perThread }: Tiles,
): boolean {
  // Workgroup memory is no faster than other memory where a CPU plays the GPU, and stems have no tiles.
  if (adapter.isFallback || layer.kernel === 7) return false;
  const pixels = pass === "forward"
    ? batch * layer.outputHeight * layer.outputWidth
    : batch * layer.inputHeight * layer.inputWidth;
  const height = pass === "weight_gradient" ? layer.inputChannels : pixels;
  const bytes = tileBytes(pass, layer, rows, columns);
  return 2 * widthOf(pass, layer) > columns && 2 * height > rows &&
    (pass === "weight_gradient" ||
      Math.ceil(pixels / rows) <= mostWorkgroups) &&
    bytes <= limits.maxComputeWorkgroupStorageSize &&
    rows / perThread * columns / 8 <= limits.maxComputeInvocationsPerWorkgroup;
}

/** Workgroup memory of a tile. */
function tileBytes(pass: Conv2dPass, layer: Conv2dShape, rows: number, columns: number): number {
  if (pass === "weight_gradient") return 16 * 16 * (rows + columns) / 4;
  const summed = pass === "forward" ? layer.inputChannels : layer.outputChannels;
  const taps = layer.kernel * groupsOfSlab(layer.kernel, groupsOf4(summed));
  return 16 * taps * (rows + columns) + 16 * rows;
}
