import type { Dispatch } from "../gpu/dispatch.ts";
import { range, type Tensor, type TensorRange } from "../gpu/tensor.ts";
import {
  recordBatchNormApply,
  recordBatchNormBackwardApply,
  recordBatchNormBackwardReduce,
  recordBatchNormFinalize,
  recordBatchNormInference,
  recordBatchNormStatistics,
  type ReluMask,
  type Residual,
} from "../ops/batch_norm.ts";
import {
  type Conv2dSum,
  recordConv2dForward,
  recordConv2dInputGradient,
  recordConv2dPartialSums,
  recordConv2dSums,
} from "../ops/conv2d.ts";
import type { Conv2dChoice } from "../ops/conv2d_variants.ts";
import { groupsOf4 } from "../ops/dispatch_size.ts";
import {
  recordLinearForward,
  recordLinearInputGradient,
  recordLinearWeightGradient,
} from "../ops/linear.ts";
import { recordMaxPoolBackward, recordMaxPoolForward } from "../ops/max_pool.ts";
import { recordPoolBackward, recordPoolForward } from "../ops/pool.ts";
import { type Activations, convPartialsOf } from "./activations.ts";
import type { Entry } from "./parameters.ts";
import { type BasicBlock, type ConvNorm, type ResNet18, stemOutput } from "./resnet18.ts";

/** The tensors and shapes that the passes are recorded over. */
export interface PassContext {
  readonly net: ResNet18;
  readonly activations: Activations;
  readonly values: Tensor;
  readonly gradients: Tensor;
  readonly running: Tensor;
  /** How each pass of each convolution is computed. */
  readonly choice: Conv2dChoice;
  readonly learnedEntry: (name: string, kind: Entry["kind"]) => Entry;
  readonly runningEntry: (name: string) => Entry;
}

/**
 * How batch norm behaves: on the statistics of each segment (which also move the running ones), or on the running
 * ones.
 */
export type NormMode = "training" | "inference";

/**
 * The forward pass from `activations.input` to `activations.logits` for a batch of segments (rows each, in order).
 * In training mode each segment is normalised by its own statistics, as if it were a forward pass of its own.
 *
 * `start` > 0 leaves the stem and the first `start` blocks out: their outputs are what the activations hold already,
 * from a pass over the same batch with the same parameters in them.
 */
export function recordForward(
  context: PassContext,
  segments: readonly number[],
  mode: NormMode,
  start = 0,
): Dispatch[] {
  const { net, activations } = context;
  const rows = sum(segments);
  const dispatches: Dispatch[] = [];
  const convolve = (layer: ConvNorm, x: Tensor) => {
    const { z } = activations.layers.get(layer.conv)!;
    const weight = bind(context.values, context.learnedEntry(layer.conv, "conv"));
    const variant = context.choice("forward", layer);
    const partials = activations.normPartials;
    dispatches.push(
      ...recordConv2dForward({ layer, rows, x, weight, y: z, variant, label: layer.conv }),
    );
    if (mode === "training") {
      const shape = normShape(context, layer, segments);
      dispatches.push(recordBatchNormStatistics({ shape, z, partials, label: layer.norm }));
    }
  };
  const norm = (layer: ConvNorm) => ({
    // In inference all rows share the running statistics.
    shape: normShape(context, layer, mode === "training" ? segments : [rows]),
    partials: mode === "training" ? activations.normPartials : null,
    affine: bind(context.values, context.learnedEntry(layer.norm, "norm")),
    running: bind(context.running, context.runningEntry(layer.norm)),
    statistics: activations.layers.get(layer.conv)!.statistics,
    label: layer.norm,
  });
  /** The statistics of a shortcut, which is normalised together with the block's main path. */
  const finish = (layer: ConvNorm) => {
    const { partials, shape, ...state } = norm(layer);
    dispatches.push(
      partials
        ? recordBatchNormFinalize({ shape, partials, ...state })
        : recordBatchNormInference({ channels4: shape.channels4, ...state }),
    );
  };
  const apply = (layer: ConvNorm, residual: Residual, y: Tensor) => {
    const { z } = activations.layers.get(layer.conv)!;
    dispatches.push(recordBatchNormApply({ ...norm(layer), z, residual, relu: true, y }));
  };

  let x = activations.outputs.get(start === 0 ? stemOutput(net) : net.blocks[start - 1].name)!;
  if (start === 0) {
    const y = activations.outputs.get(net.stem.conv)!;
    convolve(net.stem, activations.input);
    apply(net.stem, null, y);
    if (net.pooled) {
      dispatches.push(recordMaxPoolForward(pooling(net, rows), y, x, activations.poolTaps!));
    }
  }
  for (const block of net.blocks.slice(start)) {
    const middle = activations.outputs.get(block.first.conv)!;
    const output = activations.outputs.get(block.name)!;
    let residual: Residual = { values: x, statistics: null };
    if (block.shortcut) {
      convolve(block.shortcut, x);
      finish(block.shortcut);
      const { z, statistics } = activations.layers.get(block.shortcut.conv)!;
      residual = { values: z, statistics };
    }
    convolve(block.first, x);
    apply(block.first, null, middle);
    convolve(block.second, middle);
    apply(block.second, residual, output);
    x = output;
  }
  const channels4 = groupsOf4(net.features);
  dispatches.push(
    recordPoolForward({ rows, area: finalArea(net), channels4 }, x, activations.features),
    recordLinearForward(
      { rows, channels4, heads4: groupsOf4(net.heads) },
      activations.features,
      bind(context.values, context.learnedEntry("linear", "linear_weight")),
      bind(context.values, context.learnedEntry("linear", "linear_bias")),
      activations.logits,
    ),
  );
  return dispatches;
}

/**
 * The backward pass from `activations.gLogits` to the gradients of all parameters that are not frozen. With the first
 * `frozenBlocks` blocks (and the stem) frozen it ends behind them: their gradients are not computed.
 */
export function recordBackward(
  context: PassContext,
  segments: readonly number[],
  frozenBlocks: number,
): Dispatch[] {
  const { net, activations } = context;
  const rows = sum(segments);
  const channels4 = groupsOf4(net.features);
  const linear = { rows, channels4, heads4: groupsOf4(net.heads) };
  const weight = context.learnedEntry("linear", "linear_weight");
  const bias = context.learnedEntry("linear", "linear_bias");
  const dispatches: Dispatch[] = [
    recordLinearWeightGradient(
      linear,
      activations.features,
      activations.gLogits,
      bind(context.gradients, weight),
      bind(context.gradients, bias),
    ),
    recordLinearInputGradient(
      linear,
      activations.gLogits,
      bind(context.values, weight),
      activations.gFeatures,
    ),
    recordPoolBackward(
      { rows, area: finalArea(net), channels4 },
      activations.gFeatures,
      activations.gradients[0],
    ),
  ];
  const pass: Backward = { dispatches, sums: [], partialsUsed: 0 };
  let buffers = activations.gradients;
  for (let index = net.blocks.length - 1; index >= frozenBlocks; index--) {
    const first = index === 0;
    const x = activations.outputs.get(first ? stemOutput(net) : net.blocks[index - 1].name)!;
    const wantsInputGradient = index > frozenBlocks || frozenBlocks === 0;
    buffers = recordBlockBackward(context, pass, net.blocks[index], {
      segments,
      x,
      buffers,
      wantsInputGradient,
    });
  }
  if (frozenBlocks === 0) {
    let [g, dz, spare] = buffers;
    if (net.pooled) {
      const { poolTaps } = activations;
      dispatches.push(recordMaxPoolBackward(pooling(net, rows), g, poolTaps!, spare));
      g = spare;
    }
    recordNormBackward(context, pass, net.stem, segments, g, "own output", dz);
    recordWeightGradient(context, pass, net.stem, rows, activations.input, dz);
  }
  dispatches.push(...recordConv2dSums(pass.sums, activations.convPartials, context.gradients));
  return dispatches;
}

/** What a backward pass has recorded so far. */
interface Backward {
  readonly dispatches: Dispatch[];
  /** Weight gradients that are still in parts. */
  readonly sums: Conv2dSum[];
  /** Elements of `convPartials` that these parts take. */
  partialsUsed: number;
}

type Buffers = readonly [Tensor, Tensor, Tensor, Tensor];

/**
 * One block. The gradient of its output is in the first buffer; returned is the order of the buffers in which the
 * gradient of its input is the first.
 */
function recordBlockBackward(
  context: PassContext,
  pass: Backward,
  block: BasicBlock,
  options: {
    segments: readonly number[];
    x: Tensor;
    buffers: Buffers;
    wantsInputGradient: boolean;
  },
): Buffers {
  const { segments, x, buffers: [g, dz, inner, spare], wantsInputGradient } = options;
  const rows = sum(segments);
  const middle = context.activations.outputs.get(block.first.conv)!;
  const output = context.activations.outputs.get(block.name)!;

  // After this g is masked by the block's ReLU: also the gradient of whatever was added before it.
  recordNormBackward(context, pass, block.second, segments, g, { y: output }, dz);
  recordWeightGradient(context, pass, block.second, rows, middle, dz);
  recordInputGradient(context, pass, block.second, rows, dz, null, inner);

  recordNormBackward(context, pass, block.first, segments, inner, "own output", dz);
  recordWeightGradient(context, pass, block.first, rows, x, dz);
  if (!block.shortcut) {
    if (wantsInputGradient) {
      recordInputGradient(context, pass, block.first, rows, dz, g, spare);
    }
    return [spare, dz, inner, g];
  }
  // `inner` has been used up, so it can hold the gradient of the shortcut's convolution.
  recordNormBackward(context, pass, block.shortcut, segments, g, null, inner);
  recordWeightGradient(context, pass, block.shortcut, rows, x, inner);
  if (wantsInputGradient) {
    recordInputGradient(context, pass, block.shortcut, rows, inner, null, spare);
    recordInputGradient(context, pass, block.first, rows, dz, spare, g);
  }
  return [g, dz, inner, spare];
}

/** Fills the gradients of gamma and beta, and writes dz; masks g in place if `mask` is another layer's output. */
function recordNormBackward(
  context: PassContext,
  pass: Backward,
  layer: ConvNorm,
  segments: readonly number[],
  g: Tensor,
  mask: ReluMask,
  dz: Tensor,
): void {
  const { activations } = context;
  const { z, statistics } = activations.layers.get(layer.conv)!;
  const shape = normShape(context, layer, segments);
  const gradients = bind(context.gradients, context.learnedEntry(layer.norm, "norm"));
  const partials = activations.normPartials;
  const common = { shape, z, mask, gy: g, statistics, partials, label: layer.norm };
  pass.dispatches.push(
    recordBatchNormBackwardReduce(common),
    recordBatchNormBackwardApply({ ...common, gradients, dz }),
  );
}

function recordWeightGradient(
  context: PassContext,
  pass: Backward,
  layer: ConvNorm,
  rows: number,
  x: Tensor,
  gy: Tensor,
): void {
  const { convPartials, convThreads: threads, rows: mostRows } = context.activations;
  const length = convPartialsOf(layer, mostRows, threads);
  const { dispatch, sum } = recordConv2dPartialSums({
    layer,
    rows,
    x,
    gy,
    partials: range(convPartials, pass.partialsUsed, length),
    gradient: bind(context.gradients, context.learnedEntry(layer.conv, "conv")),
    threads,
    variant: context.choice("weight_gradient", layer),
    label: layer.conv,
  });
  pass.dispatches.push(dispatch);
  if (!sum) return;
  pass.sums.push(sum);
  pass.partialsUsed += length;
}

function recordInputGradient(
  context: PassContext,
  pass: Backward,
  layer: ConvNorm,
  rows: number,
  gy: Tensor,
  addend: Tensor | null,
  gx: Tensor,
): void {
  const weight = bind(context.values, context.learnedEntry(layer.conv, "conv"));
  pass.dispatches.push(
    ...recordConv2dInputGradient({
      layer,
      rows,
      gy,
      weight,
      addend,
      gx,
      variant: context.choice("input_gradient", layer),
      label: layer.conv,
    }),
  );
}

function bind(table: Tensor, entry: Entry): TensorRange {
  return range(table, entry.offset, entry.length);
}

function normShape(context: PassContext, layer: ConvNorm, segments: readonly number[]) {
  const area = layer.outputHeight * layer.outputWidth;
  return {
    channels4: groupsOf4(layer.outputChannels),
    segments: segments.map((rows) => rows * area),
    fewThreads: context.activations.fewThreads,
  };
}

function pooling({ stem }: ResNet18, rows: number) {
  const { outputHeight: inputHeight, outputWidth: inputWidth, outputChannels } = stem;
  return { rows, inputHeight, inputWidth, channels4: groupsOf4(outputChannels) };
}

function finalArea(net: ResNet18): number {
  const { outputHeight, outputWidth } = net.blocks.at(-1)!.second;
  return outputHeight * outputWidth;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
