import type { Conv2dShape } from "../ops/conv2d_variants.ts";
import { groupsOf4 } from "../ops/dispatch_size.ts";
import { maxPooled } from "../ops/max_pool.ts";

/** A convolution without bias and the batch norm behind it, with their official names. */
export interface ConvNorm extends Conv2dShape {
  /** Official name of the convolution, e.g. "layer2.0.shortcut.0". */
  readonly conv: string;
  /** Official name of the batch norm, e.g. "layer2.0.shortcut.1". */
  readonly norm: string;
}

/** relu(norm2(conv2(relu(norm1(conv1(x))))) + shortcut(x)). */
export interface BasicBlock {
  /** Official name, e.g. "layer1.0". */
  readonly name: string;
  readonly first: ConvNorm;
  readonly second: ConvNorm;
  /** Where stride or width changes; null: the block's input itself. */
  readonly shortcut: ConvNorm | null;
}

/**
 * How a ResNet-18 begins: `cifar`, a 3x3 convolution, as the official implementation has it; `imagenet`, a 7x7
 * convolution of stride 2 and 3x3 max pooling of stride 2, as torchvision and timm publish it: a quarter of the height
 * and width in all.
 */
export type Stem = "cifar" | "imagenet";

/** All of them. */
export const stems = ["cifar", "imagenet"] as const satisfies readonly Stem[];

/** A ResNet-18, shapes spelled out for one input size. */
export interface ResNet18 {
  readonly width: number;
  readonly heads: number;
  readonly height: number;
  readonly inputWidth: number;
  readonly stem: ConvNorm;
  /** Pixels behind the max pooling that follows the stem; null: there is none. */
  readonly pooled: { readonly height: number; readonly width: number } | null;
  /** Two blocks in each of four stages with width, 2, 4 and 8 times width channels. */
  readonly blocks: readonly BasicBlock[];
  readonly features: number;
}

/** Leading blocks that may be frozen: those of stages 1 to 3 (the paper's K). */
export const freezableBlocks = 6;

/**
 * The backbone of the official implementation for images of `height` x `inputWidth`: stem conv3x3(3 -> width), or
 * another one (see {@linkcode Stem}; default: cifar); stages of two basic blocks with strides 1, 2, 2, 2; average pool
 * over the whole map; linear(8 width -> heads).
 */
export function resnet18(
  options: { width: number; heads: number; height: number; inputWidth: number; stem?: Stem },
): ResNet18 {
  const { width, heads } = options;
  const large = options.stem === "imagenet";
  let channels = 3;
  let height = options.height;
  let inputWidth = options.inputWidth;
  const convNorm = (
    conv: string,
    norm: string,
    outputChannels: number,
    kernel: 1 | 3 | 7,
    stride: 1 | 2,
  ): ConvNorm => {
    const padding = (kernel - 1) / 2;
    const output = (size: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
    return {
      conv,
      norm,
      inputChannels: channels,
      outputChannels,
      kernel,
      stride,
      inputHeight: height,
      inputWidth,
      outputHeight: output(height),
      outputWidth: output(inputWidth),
    };
  };
  const stem = large
    ? convNorm("conv1", "bn1", width, 7, 2)
    : convNorm("conv1", "bn1", width, 3, 1);
  channels = width;
  const pooled = large
    ? { height: maxPooled(stem.outputHeight), width: maxPooled(stem.outputWidth) }
    : null;
  if (pooled) ({ height, width: inputWidth } = pooled);
  const blocks: BasicBlock[] = [];
  for (let stage = 0; stage < 4; stage++) {
    const outputChannels = width * 2 ** stage;
    for (let i = 0; i < 2; i++) {
      const name = `layer${stage + 1}.${i}`;
      const stride = stage > 0 && i === 0 ? 2 : 1;
      const shortcut = stride !== 1 || channels !== outputChannels
        ? convNorm(`${name}.shortcut.0`, `${name}.shortcut.1`, outputChannels, 1, stride)
        : null;
      const first = convNorm(`${name}.conv1`, `${name}.bn1`, outputChannels, 3, stride);
      channels = outputChannels;
      height = first.outputHeight;
      inputWidth = first.outputWidth;
      const second = convNorm(`${name}.conv2`, `${name}.bn2`, outputChannels, 3, 1);
      blocks.push({ name, first, second, shortcut });
    }
  }
  return {
    width,
    heads,
    height: options.height,
    inputWidth: options.inputWidth,
    stem,
    pooled,
    blocks,
    features: channels,
  };
}

/**
 * The name of the activation that the first block reads: the stem's own output, or that of the max pooling behind it.
 */
export function stemOutput({ stem, pooled }: ResNet18): string {
  return pooled ? "maxpool" : stem.conv;
}

/** The convolutions of a block in the official order of its parameters. */
export function convNormsOf(block: BasicBlock): ConvNorm[] {
  return [block.first, block.second, ...(block.shortcut ? [block.shortcut] : [])];
}

/** f32 elements of one row of a convolution's output, channels padded to a multiple of 4. */
export function outputElements(layer: ConvNorm): number {
  return layer.outputHeight * layer.outputWidth * groupsOf4(layer.outputChannels) * 4;
}
