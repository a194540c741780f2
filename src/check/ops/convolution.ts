import type { Dispatch } from "../../gpu/dispatch.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import { range } from "../../gpu/tensor.ts";
import type { ConvNorm } from "../../net/resnet18.ts";
import {
  conv2dPartials,
  conv2dThreads,
  recordConv2dForward,
  recordConv2dInputGradient,
  recordConv2dPartialSums,
  recordConv2dSums,
  recordConv2dWeightGradient,
} from "../../ops/conv2d.ts";
import {
  forwardKernels,
  inputGradientKernels,
  reduceKernel,
  stemForwardKernels,
  stemWeightGradientKernels,
  weightGradientKernels,
} from "../../ops/conv2d_kernels.ts";
import {
  type Conv2dPass,
  conv2dPasses,
  type Conv2dShape,
  type Conv2dVariant,
  defaultVariant,
} from "../../ops/conv2d_variants.ts";
import type { StoredType } from "../../ops/storage.ts";
import {
  activationPlace,
  forwardSample,
  inputGradientSample,
  weightGradientSample,
  weightPlace,
} from "../../reference/conv2d_samples.ts";
import { padded } from "../../reference/layout.ts";
import { defineOp, type OpRecord, sampled } from "../define_op.ts";
import type { PreparedCase } from "../kernel_case.ts";
import { convNorms, different } from "../layers.ts";
import type { Operands } from "../operands.ts";

/** A convolution over so many images. */
export interface ConvolutionShape extends Conv2dShape {
  readonly rows: number;
  /** Whether the gradient of the input is added to one that is there already, as over a shortcut. */
  readonly adds?: boolean;
  /** Threads that the gradient of the weights aims at; default: those of a CPU. */
  readonly threads?: number;
}

/** A convolution with the sizes of its output: padding is (kernel - 1) / 2. */
export function convolutionShape(
  given: Omit<ConvolutionShape, "outputHeight" | "outputWidth">,
): ConvolutionShape {
  const output = (size: number) => Math.floor((size - 1) / given.stride) + 1;
  return {
    ...given,
    outputHeight: output(given.inputHeight),
    outputWidth: output(given.inputWidth),
  };
}

/**
 * The kinds of convolution that a ResNet has: 3x3, 3x3 that halves the size, the 1x1 shortcut, and the 7x7 stem, narrow
 * and wide. In subgroups the first shares rows of x among 2 lanes and columns of gy among others, the second rows among
 * 8, the third nothing.
 */
const small: readonly ConvolutionShape[] = [
  {
    ...{ rows: 2, inputChannels: 5, outputChannels: 6, kernel: 3, stride: 1 } as const,
    ...{ inputHeight: 5, inputWidth: 7 },
  },
  {
    ...{ rows: 1, inputChannels: 10, outputChannels: 31, kernel: 3, stride: 2 } as const,
    ...{ inputHeight: 7, inputWidth: 5, adds: true },
  },
  {
    ...{ rows: 2, inputChannels: 9, outputChannels: 17, kernel: 1, stride: 2 } as const,
    ...{ inputHeight: 5, inputWidth: 6 },
  },
  {
    ...{ rows: 1, inputChannels: 3, outputChannels: 7, kernel: 7, stride: 2 } as const,
    ...{ inputHeight: 9, inputWidth: 14 },
  },
  {
    ...{ rows: 2, inputChannels: 5, outputChannels: 18, kernel: 7, stride: 2 } as const,
    ...{ inputHeight: 6, inputWidth: 11 },
  },
].map(convolutionShape);

/** The passes of a layer that training launches: nothing asks for the gradient of the images. */
export function passesOf({ conv }: ConvNorm): readonly Conv2dPass[] {
  return conv2dPasses.filter((pass) => conv !== "conv1" || pass !== "input_gradient");
}

/** The operation that a pass is. */
export const conv2dOps = (pass: Conv2dPass) =>
  ({
    forward: conv2dForward,
    input_gradient: conv2dInputGradient,
    weight_gradient: conv2dWeightGradient,
  })[pass];

/** Elements of x, y and the weights, channels padded. */
function lengths({ rows, ...layer }: ConvolutionShape) {
  const { inputHeight, inputWidth, outputHeight, outputWidth, kernel } = layer;
  return {
    x: rows * inputHeight * inputWidth * padded(layer.inputChannels),
    y: rows * outputHeight * outputWidth * padded(layer.outputChannels),
    weights: kernel ** 2 * padded(layer.inputChannels) * padded(layer.outputChannels),
  };
}

/** Coordinates of an element of y, x or the weights. */
const where = {
  y: ({ outputHeight, outputWidth, outputChannels }: ConvolutionShape) => (at: number) =>
    named(
      ["n", "oy", "ox", "co"],
      activationPlace(at, outputHeight, outputWidth, outputChannels),
    ),
  x: ({ inputHeight, inputWidth, inputChannels }: ConvolutionShape) => (at: number) =>
    named(["n", "iy", "ix", "ci"], activationPlace(at, inputHeight, inputWidth, inputChannels)),
  weights: (layer: ConvolutionShape) => (at: number) =>
    named(["ky", "kx", "ci", "co"], weightPlace(at, layer)),
};

function named(axes: readonly string[], place: readonly number[]): Record<string, number> {
  return Object.fromEntries(axes.map((axis, i) => [axis, place[i]]));
}

/** The operands of the passes. */
function operandsOf(operands: Operands, shape: ConvolutionShape, stored: StoredType) {
  const { inputChannels, outputChannels } = shape;
  const length = lengths(shape);
  return {
    x: () => operands.values("x", length.x, { channels: inputChannels, type: stored }),
    gy: () => operands.values("gy", length.y, { channels: outputChannels }),
    weights: () => {
      const values = operands.values("weights", length.weights, { channels: outputChannels });
      return values.map((value, i) =>
        Math.floor(i / padded(outputChannels)) % padded(inputChannels) < inputChannels ? value : 0
      );
    },
  };
}

const { f32, f16 } = forwardKernels;

/** What a pass is, and its kernels: the plain one first. */
const aboutPass: Readonly<Record<Conv2dPass, { summary: string; kernels: readonly Kernel[] }>> = {
  forward: {
    summary: "forward convolution",
    kernels: [f32, f16, stemForwardKernels.f32, stemForwardKernels.f16].flatMap(Object.values),
  },
  input_gradient: {
    summary: "the gradient of a convolution's input",
    kernels: Object.values(inputGradientKernels),
  },
  weight_gradient: {
    summary: "partial sums of the gradient of a convolution's weights",
    kernels: [weightGradientKernels.f32, weightGradientKernels.f16, stemWeightGradientKernels]
      .flatMap<Kernel>(Object.values),
  },
};

/** What the passes have in common. */
function passRecord(
  pass: Conv2dPass,
): Pick<
  OpRecord<ConvolutionShape>,
  | "name"
  | "summary"
  | "kernels"
  | "activations"
  | "imagenetOnly"
  | "small"
  | "ofNetwork"
  | "sizes"
  | "cost"
  | "task"
> {
  return {
    name: `conv2d_${pass}`,
    ...aboutPass[pass],
    activations: true,
    imagenetOnly: ({ kernel }) => kernel === 7,
    small: () => small.filter(({ kernel }) => kernel !== 7 || pass !== "input_gradient"),
    ofNetwork: ({ batch, ...size }) =>
      different(
        convNorms(size)
          .filter((layer) => passesOf(layer).includes(pass))
          .map(({ conv, norm: _, ...layer }) => ({
            layer: conv,
            shape: { rows: batch, ...layer },
          })),
      ),
    sizes: ({ rows, adds: _, threads: _threads, ...layer }) => ({ batch: rows, ...layer }),
    cost: (shape) => {
      const { x, y, weights } = lengths(shape);
      const { rows, outputHeight, outputWidth, inputChannels, outputChannels, kernel } = shape;
      const outputs = rows * outputHeight * outputWidth * outputChannels;
      return { bytes: 4 * (x + y + weights), flops: 2 * outputs * inputChannels * kernel ** 2 };
    },
    task: ({ rows, adds: _, threads: _threads, ...layer }, stored) => ({
      pass,
      layer,
      rows,
      stored,
    }),
  };
}

/** Records a pass in a variant, or as suits the adapter. */
function inVariant(
  { gpu }: Operands,
  pass: Conv2dPass,
  { rows, adds: _, threads: _threads, ...layer }: ConvolutionShape,
  record: (way: {
    readonly layer: Conv2dShape;
    readonly rows: number;
    readonly variant: Conv2dVariant;
  }) => Dispatch[],
): PreparedCase["dispatches"] {
  return (variant = defaultVariant(gpu)(pass, layer)) => record({ layer, rows, variant });
}

/** y = conv(x, weights). */
export const conv2dForward = defineOp<ConvolutionShape>({
  ...passRecord("forward"),
  prepare: (operands, shape, stored) => {
    const given = operandsOf(operands, shape, stored);
    const [a, b] = [given.x(), given.weights()];
    const [x, weight] = [operands.tensor("x", a, stored), operands.tensor("weights", b)];
    const y = operands.output("y", lengths(shape).y, stored);
    const at = operands.places(y.length);
    return {
      dispatches: inVariant(
        operands,
        "forward",
        shape,
        (way) => recordConv2dForward({ ...way, x, weight, y }),
      ),
      outputs: [sampled("y", y, at, (i) => forwardSample(shape, a, b, i), where.y(shape))],
    };
  },
});

/** The gradient of x, given that of y. */
export const conv2dInputGradient = defineOp<ConvolutionShape>({
  learns: true,
  ...passRecord("input_gradient"),
  sizes: (shape) => {
    return { ...passRecord("input_gradient").sizes(shape), ...(shape.adds ? { adds: 1 } : {}) };
  },
  forms: (shape) => [{ ...shape, adds: true }],
  prepare: (operands, shape, stored) => {
    const given = operandsOf(operands, shape, stored);
    const [a, b] = [given.gy(), given.weights()];
    const [gy, weight] = [operands.tensor("gy", a), operands.tensor("weights", b)];
    const { x: length } = lengths(shape);
    const { inputChannels: channels } = shape;
    const added = shape.adds ? operands.values("addend", length, { channels }) : null;
    const addend = added && operands.tensor("addend", added);
    const gx = operands.output("gx", length);
    const at = operands.places(length);
    const sample = (i: number) => inputGradientSample(shape, a, b, i) + (added?.[i] ?? 0);
    return {
      dispatches: inVariant(
        operands,
        "input_gradient",
        shape,
        (way) => recordConv2dInputGradient({ ...way, gy, weight, addend, gx }),
      ),
      outputs: [sampled("gx", gx, at, sample, where.x(shape))],
    };
  },
});

/** The gradient of the weights: sums over parts of the batch, and then the sum of these. */
export const conv2dWeightGradient = defineOp<ConvolutionShape>({
  learns: true,
  ...passRecord("weight_gradient"),
  prepare: (operands, shape, stored) => {
    const given = operandsOf(operands, shape, stored);
    const [a, b] = [given.x(), given.gy()];
    const [x, gy] = [operands.tensor("x", a, stored), operands.tensor("gy", b)];
    const { rows, outputHeight, outputWidth } = shape;
    const threads = conv2dThreads(operands.gpu);
    const { weights: length } = lengths(shape);
    const partials = operands.output("partials", conv2dPartials(shape, rows, threads));
    const gradient = operands.output("gw", length);
    // As many as a fraction of a second allows.
    const most = Math.min(length > 4096 ? 1000 : length, 2e7 / (rows * outputHeight * outputWidth));
    const at = operands.places(length, Math.ceil(most));
    const sample = (i: number) => weightGradientSample({ ...shape, batch: rows }, a, b, i);
    const output = sampled("gw", gradient, at, sample, where.weights(shape));
    const common = { x, gy, threads, gradient };
    const { sum } = recordConv2dPartialSums({
      ...{ ...common, layer: shape, rows, partials: range(partials) },
    });
    return {
      dispatches: inVariant(
        operands,
        "weight_gradient",
        shape,
        (way) => recordConv2dWeightGradient({ ...way, ...common, partials }),
      ),
      outputs: [output],
      // One part needs no sum: it is the gradient.
      first: sum
        ? [{
          ...output,
          name: "partial sums of gw",
          tensor: partials,
          every: Array.from({ length }, (_, place) => place),
          read: (values, place) => sumOfParts(values, length, place, sum.chunks),
        }]
        : undefined,
    };
  },
});

/** Parts that a weight gradient is the sum of. */
const partsOf = (shape: ConvolutionShape) =>
  conv2dPartials(shape, shape.rows, shape.threads) / lengths(shape).weights;

/** The sum of the parts alone, on parts of noise. */
export const conv2dWeightGradientReduce = defineOp<ConvolutionShape>({
  learns: true,
  ...passRecord("weight_gradient"),
  name: "conv2d_weight_gradient_reduce",
  summary: "the sums of those partial sums",
  kernels: [reduceKernel],
  activations: false,
  task: undefined,
  small: () => small.filter((shape) => partsOf(shape) > 1),
  ofNetwork: (size, gpu) =>
    passRecord("weight_gradient").ofNetwork(size, gpu)
      .map(({ shape, ...layers }) => {
        return { ...layers, shape: { ...shape, threads: conv2dThreads(gpu) } };
      })
      .filter(({ shape }) => partsOf(shape) > 1),
  cost: (shape) => {
    const { weights } = lengths(shape);
    const parts = partsOf(shape) * weights;
    return { bytes: 4 * (parts + weights), flops: parts };
  },
  prepare: (operands, layer) => {
    const { weights: length } = lengths(layer);
    const chunks = partsOf(layer);
    const values = operands.values("partials", chunks * length);
    const partials = operands.tensor("partials", values);
    const gradient = operands.output("gw", length);
    const at = operands.places(length);
    const sample = (i: number) => sumOfParts(values, length, i, chunks);
    return {
      dispatches: () =>
        recordConv2dSums(
          [{ layer, partials: range(partials), gradient, chunks }],
          partials,
          gradient,
        ),
      outputs: [sampled("gw", gradient, at, sample, where.weights(layer))],
    };
  },
});

/** Element `place` of parts of `length` numbers, added. */
function sumOfParts(
  values: ArrayLike<number>,
  length: number,
  place: number,
  parts: number,
): number {
  let sum = 0;
  for (let part = 0; part < parts; part++) sum += values[part * length + place];
  return sum;
}
