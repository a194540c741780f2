import { type Arena, reshaped, type Tensor } from "../gpu/tensor.ts";
import { batchNormScratch } from "../ops/batch_norm.ts";
import { conv2dPartials, conv2dThreads } from "../ops/conv2d.ts";
import { groupsOf4 } from "../ops/dispatch_size.ts";
import type { StoredType } from "../ops/storage.ts";
import {
  type ConvNorm,
  convNormsOf,
  outputElements,
  type ResNet18,
  stemOutput,
} from "./resnet18.ts";

/** What one convolution and its batch norm leave for the backward pass. */
export interface LayerActivation {
  /** The convolution's output, `[rows, height, width, channels]`. */
  readonly z: Tensor;
  /** `[segments, 4, channels]`. */
  readonly statistics: Tensor;
}

/**
 * All tensors that forward and backward passes of up to `rows` rows need, allocated once. Input, `z` and outputs may be
 * f16 (see {@linkcode StoredType}); all others are f32.
 */
export interface Activations {
  readonly rows: number;
  /** Whether the adapter runs few threads at a time, as a CPU does. */
  readonly fewThreads: boolean;
  /** Threads that weight gradients aim at. */
  readonly convThreads: number;
  /** Normalised images, `[rows, height, width, 4]`. */
  readonly input: Tensor;
  /** By convolution name. */
  readonly layers: ReadonlyMap<string, LayerActivation>;
  /**
   * Outputs after a ReLU: of the stem ("conv1"), of each block's first half ("layer1.0.conv1") and of each block
   * ("layer1.0"); and of the max pooling behind a stem that has one ("maxpool").
   */
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** Where the max pooling took its maxima from, u32 `[rows, height, width, channels / 4]`; null: there is none. */
  readonly poolTaps: Tensor | null;
  readonly features: Tensor;
  readonly logits: Tensor;
  readonly gLogits: Tensor;
  readonly gFeatures: Tensor;
  readonly rowLosses: Tensor;
  /**
   * Four gradient buffers, which change roles from block to block. Each is as large as the largest activation of a
   * block; the second and third as that of the stem, if it is larger.
   */
  readonly gradients: readonly [Tensor, Tensor, Tensor, Tensor];
  /** Scratch of the reductions: batch norm sums; weight gradient parts of all layers, which are added up at the end. */
  readonly normPartials: Tensor;
  readonly convPartials: Tensor;
}

/**
 * What a network is for: `inference` is forward passes on running statistics and nothing else, whose layers take turns
 * with few tensors, and which has no room for gradients.
 */
export type NetworkUse = "training" | "inference";

/** Allocates the activations of a network. */
export function createActivations(
  arena: Arena,
  net: ResNet18,
  rows: number,
  stored: StoredType,
  use: NetworkUse,
): Activations {
  const layers = new Map<string, LayerActivation>();
  const outputs = new Map<string, Tensor>();
  const all = [net.stem, ...net.blocks.flatMap(convNormsOf)];
  const largest = (layers: readonly ConvNorm[]) => rows * Math.max(...layers.map(outputElements));
  const [ofBlocks, ofAll] = [largest(all.slice(1)), largest(all)];
  const shared = use === "inference" ? shareTensors(arena, stored, ofBlocks, ofAll) : null;
  /** A tensor of its own, or one that takes turns with others. */
  const tensor = (name: string, turn: Turn, shape: readonly number[]) =>
    shared ? reshaped(shared[turn], shape) : arena.tensor(name, shape, stored);
  const shapeOf = ({ outputHeight, outputWidth, outputChannels }: ConvNorm) => [
    rows,
    outputHeight,
    outputWidth,
    groupsOf4(outputChannels) * 4,
  ];
  const addLayer = (layer: ConvNorm, turn: Turn = "z") => {
    const channels4 = groupsOf4(layer.outputChannels);
    layers.set(layer.conv, {
      z: tensor(`${layer.conv} z`, turn, shapeOf(layer)),
      statistics: arena.tensor(`${layer.conv} statistics`, [
        batchNormScratch(channels4).statistics,
      ]),
    });
  };
  const addOutput = (name: string, layer: ConvNorm, turn: Turn) =>
    outputs.set(name, tensor(`${name} y`, turn, shapeOf(layer)));
  addLayer(net.stem);
  addOutput(net.stem.conv, net.stem, net.pooled ? "middle" : "even");
  let poolTaps: Tensor | null = null;
  if (net.pooled) {
    const { height, width } = net.pooled;
    const channels4 = groupsOf4(net.width);
    const name = stemOutput(net);
    outputs.set(name, tensor(`${name} y`, "even", [rows, height, width, channels4 * 4]));
    poolTaps = arena.tensor(`${name} taps`, [rows, height, width, channels4], "u32");
  }
  for (const [index, block] of net.blocks.entries()) {
    for (const layer of convNormsOf(block)) {
      addLayer(layer, layer === block.shortcut ? "shortcut" : "z");
    }
    addOutput(block.first.conv, block.first, "middle");
    // A block reads what the one before it wrote, to its very end where it adds that.
    addOutput(block.name, block.second, index % 2 === 0 ? "odd" : "even");
  }
  /** What the backward pass alone uses. */
  const ofBackward = (length: number) => use === "training" ? length : 0;
  const gradient = (name: string, length: number) =>
    arena.tensor(`gradient ${name}`, [ofBackward(length)]);
  const scratch = batchNormScratch(groupsOf4(net.features));
  const features4 = groupsOf4(net.features) * 4;
  const heads4 = groupsOf4(net.heads) * 4;
  const convThreads = conv2dThreads(arena.gpu);
  return {
    rows,
    fewThreads: arena.gpu.adapter.isFallback,
    convThreads,
    input: arena.tensor("input", [rows, net.height, net.inputWidth, 4], stored),
    layers,
    outputs,
    poolTaps,
    features: arena.tensor("features", [rows, features4]),
    logits: arena.tensor("logits", [rows, heads4]),
    gLogits: arena.tensor("gradient logits", [rows, heads4]),
    gFeatures: arena.tensor("gradient features", [rows, features4]),
    rowLosses: arena.tensor("row losses", [rows]),
    gradients: [
      gradient("a", ofBlocks),
      gradient("b", ofAll),
      gradient("c", ofAll),
      gradient("d", ofBlocks),
    ],
    normPartials: arena.tensor("norm partials", [scratch.partials]),
    convPartials: arena.tensor("conv partials", [
      ofBackward(all.reduce((sum, layer) => sum + convPartialsOf(layer, rows, convThreads), 0)),
    ]),
  };
}

/**
 * What of a forward pass is in the same tensor, one after the other: outputs of convolutions, but for those of
 * shortcuts, which stay until the block's end; outputs of first halves; and outputs of blocks, by turns.
 */
type Turn = "z" | "shortcut" | "middle" | "even" | "odd";

function shareTensors(
  arena: Arena,
  stored: StoredType,
  ofBlocks: number,
  ofAll: number,
): Record<Turn, Tensor> {
  const tensor = (turn: Turn, length: number) => arena.tensor(`shared ${turn}`, [length], stored);
  return {
    z: tensor("z", ofAll),
    shortcut: tensor("shortcut", ofBlocks),
    middle: tensor("middle", ofAll),
    even: tensor("even", ofBlocks),
    odd: tensor("odd", ofBlocks),
  };
}

/** Elements of `convPartials` that a layer takes; the next one begins where a binding may. */
export function convPartialsOf(layer: ConvNorm, rows: number, threads: number): number {
  return Math.ceil(conv2dPartials(layer, rows, threads) / 64) * 64;
}
