import {
  conv2dPartials,
  conv2dThreads,
  recordConv2dForward,
  recordConv2dInputGradient,
  recordConv2dWeightGradient,
} from "../src/ops/conv2d.ts";
import { type Conv2dShape, defaultVariant } from "../src/ops/conv2d_variants.ts";
import { convNormsOf, resnet18 } from "../src/net/resnet18.ts";
import type { CaseBench, KernelCase, PreparedCase } from "./kernel_case.ts";

/** Sizes of a network and of its batch. */
export interface NetworkSize {
  readonly width: number;
  readonly size: number;
  readonly batch: number;
}

/** One shape of convolution in the network, and how many layers have it. */
export interface LayerShape extends Conv2dShape {
  readonly conv: string;
  readonly layers: number;
}

/** The different convolutions of ResNet-18 in the order in which they come. */
export function convolutionShapes({ width, size }: Omit<NetworkSize, "batch">): LayerShape[] {
  const net = resnet18({ width, heads: 10, height: size, inputWidth: size });
  const shapes = new Map<string, LayerShape>();
  for (const layer of [net.stem, ...net.blocks.flatMap(convNormsOf)]) {
    const { inputChannels, outputChannels, kernel, stride, inputHeight } = layer;
    const key = [inputChannels, outputChannels, kernel, stride, inputHeight].join();
    shapes.set(key, { ...(shapes.get(key) ?? layer), layers: (shapes.get(key)?.layers ?? 0) + 1 });
  }
  return [...shapes.values()];
}

/** Forward, input gradient and weight gradient at every shape of the network. */
export function convolutionCases(size: NetworkSize): KernelCase[] {
  return convolutionShapes(size).flatMap((layer) => [
    forwardCase(layer, size.batch),
    // Nothing asks for the gradient of the images.
    ...(layer.conv === "conv1" ? [] : [inputGradientCase(layer, size.batch)]),
    weightGradientCase(layer, size.batch),
  ]);
}

const padded = (channels: number) => Math.ceil(channels / 4) * 4;

function sizes(layer: Conv2dShape, batch: number) {
  const { inputHeight, inputWidth, outputHeight, outputWidth, kernel } = layer;
  const x = batch * inputHeight * inputWidth * padded(layer.inputChannels);
  const y = batch * outputHeight * outputWidth * padded(layer.outputChannels);
  const w = kernel ** 2 * padded(layer.inputChannels) * padded(layer.outputChannels);
  return { x, y, w };
}

function common(layer: LayerShape, batch: number) {
  const { conv, layers, inputChannels, outputChannels, kernel, stride } = layer;
  const { x, y, w } = sizes(layer, batch);
  return {
    layer: conv,
    layers,
    shape: {
      batch,
      inputChannels,
      outputChannels,
      kernel,
      stride,
      inputHeight: layer.inputHeight,
      inputWidth: layer.inputWidth,
      outputHeight: layer.outputHeight,
      outputWidth: layer.outputWidth,
    },
    flops: 2 * batch * layer.outputHeight * layer.outputWidth * outputChannels * inputChannels *
      kernel ** 2,
    bytes: 4 * (x + y + w),
  };
}

/** Operands of a convolution on host and GPU. */
function operands(bench: CaseBench, layer: Conv2dShape, batch: number) {
  const { x, y, w } = sizes(layer, batch);
  const weightRow = padded(layer.outputChannels);
  const weights = bench.values(w, { channels: layer.outputChannels });
  weights.forEach((_, i) => {
    if (Math.floor(i / weightRow) % padded(layer.inputChannels) >= layer.inputChannels) {
      weights[i] = 0;
    }
  });
  return {
    x: bench.values(x, { channels: layer.inputChannels }),
    gy: bench.values(y, { channels: layer.outputChannels }),
    weights,
  };
}

/** n, row, column and channel of an element of an activation. */
function nhwc(at: number, height: number, width: number, channels: number) {
  const c = at % padded(channels);
  const pixel = Math.floor(at / padded(channels));
  return [
    Math.floor(pixel / width / height),
    Math.floor(pixel / width) % height,
    pixel % width,
    c,
  ] as const;
}

/** Forward convolution, 2000 outputs of it checked. */
export function forwardCase(layer: LayerShape, batch: number): KernelCase {
  const { inputChannels, outputChannels, kernel, stride, inputHeight, inputWidth } = layer;
  const { outputHeight, outputWidth } = layer;
  const [ci4, co4, padding] = [padded(inputChannels), padded(outputChannels), (kernel - 1) / 2];
  return {
    kernel: "conv2d_forward",
    ...common(layer, batch),
    prepare: (bench): PreparedCase => {
      const { x, weights } = operands(bench, layer, batch);
      const { y: length } = sizes(layer, batch);
      const y = bench.output("y", length);
      const at = bench.places(length, 2000);
      const place = (i: number) => nhwc(i, outputHeight, outputWidth, outputChannels);
      return {
        dispatches: recordConv2dForward({
          layer,
          rows: batch,
          x: bench.tensor("x", x),
          weight: bench.tensor("weights", weights),
          y,
          variant: defaultVariant(bench.gpu)("forward", layer),
        }),
        outputs: [{
          name: "y",
          tensor: y,
          at,
          where: (i) => named(["n", "oy", "ox", "co"], place(i)),
          expected: at.map((i) => {
            const [n, oy, ox, co] = place(i);
            let sum = 0;
            for (let ky = 0; ky < kernel; ky++) {
              for (let kx = 0; kx < kernel; kx++) {
                const [iy, ix] = [oy * stride + ky - padding, ox * stride + kx - padding];
                if (iy < 0 || iy >= inputHeight || ix < 0 || ix >= inputWidth) continue;
                const from = ((n * inputHeight + iy) * inputWidth + ix) * ci4;
                for (let ci = 0; ci < inputChannels; ci++) {
                  sum += x[from + ci] * weights[((ky * kernel + kx) * ci4 + ci) * co4 + co];
                }
              }
            }
            return sum;
          }),
        }],
      };
    },
  };
}

/** Gradient of the input, 2000 elements of it checked. */
export function inputGradientCase(layer: LayerShape, batch: number): KernelCase {
  const { inputChannels, outputChannels, kernel, stride, inputHeight, inputWidth } = layer;
  const { outputHeight, outputWidth } = layer;
  const [ci4, co4, padding] = [padded(inputChannels), padded(outputChannels), (kernel - 1) / 2];
  return {
    kernel: "conv2d_input_gradient",
    ...common(layer, batch),
    prepare: (bench): PreparedCase => {
      const { gy, weights } = operands(bench, layer, batch);
      const { x: length } = sizes(layer, batch);
      const gx = bench.output("gx", length);
      const at = bench.places(length, 2000);
      const place = (i: number) => nhwc(i, inputHeight, inputWidth, inputChannels);
      return {
        dispatches: recordConv2dInputGradient({
          layer,
          rows: batch,
          gy: bench.tensor("gy", gy),
          weight: bench.tensor("weights", weights),
          addend: null,
          gx,
          variant: defaultVariant(bench.gpu)("input_gradient", layer),
        }),
        outputs: [{
          name: "gx",
          tensor: gx,
          at,
          where: (i) => named(["n", "iy", "ix", "ci"], place(i)),
          expected: at.map((i) => {
            const [n, iy, ix, ci] = place(i);
            let sum = 0;
            for (let ky = 0; ky < kernel; ky++) {
              for (let kx = 0; kx < kernel; kx++) {
                const [oy, ox] = [(iy + padding - ky) / stride, (ix + padding - kx) / stride];
                const inside = Number.isInteger(oy) && Number.isInteger(ox) && oy >= 0 && ox >= 0 &&
                  oy < outputHeight && ox < outputWidth;
                if (!inside) continue;
                const from = ((n * outputHeight + oy) * outputWidth + ox) * co4;
                for (let co = 0; co < outputChannels; co++) {
                  sum += gy[from + co] * weights[((ky * kernel + kx) * ci4 + ci) * co4 + co];
                }
              }
            }
            return sum;
          }),
        }],
      };
    },
  };
}

/** Gradient of the weights, as many elements checked as a second allows. */
export function weightGradientCase(layer: LayerShape, batch: number): KernelCase {
  const { inputChannels, outputChannels, kernel, stride, inputHeight, inputWidth } = layer;
  const { outputHeight, outputWidth } = layer;
  const [ci4, co4, padding] = [padded(inputChannels), padded(outputChannels), (kernel - 1) / 2];
  const pixels = batch * outputHeight * outputWidth;
  return {
    kernel: "conv2d_weight_gradient",
    ...common(layer, batch),
    prepare: (bench): PreparedCase => {
      const { x, gy } = operands(bench, layer, batch);
      const threads = conv2dThreads(bench.gpu);
      const { w: length } = sizes(layer, batch);
      const gradient = bench.output("gw", length);
      const at = bench.places(length, Math.min(1000, Math.ceil(2e7 / pixels)));
      const place = (i: number) =>
        [
          Math.floor(i / co4 / ci4 / kernel),
          Math.floor(i / co4 / ci4) % kernel,
          Math.floor(i / co4) % ci4,
          i % co4,
        ] as const;
      return {
        dispatches: recordConv2dWeightGradient({
          layer,
          rows: batch,
          x: bench.tensor("x", x),
          gy: bench.tensor("gy", gy),
          partials: bench.arena.tensor("partials", [conv2dPartials(layer, batch, threads)]),
          threads,
          gradient,
          variant: defaultVariant(bench.gpu)("weight_gradient", layer),
        }),
        outputs: [{
          name: "gw",
          tensor: gradient,
          at,
          where: (i) => named(["ky", "kx", "ci", "co"], place(i)),
          expected: at.map((i) => {
            const [ky, kx, ci, co] = place(i);
            let sum = 0;
            for (let n = 0; n < batch; n++) {
              for (let oy = 0; oy < outputHeight; oy++) {
                const iy = oy * stride + ky - padding;
                if (iy < 0 || iy >= inputHeight) continue;
                for (let ox = 0; ox < outputWidth; ox++) {
                  const ix = ox * stride + kx - padding;
                  if (ix < 0 || ix >= inputWidth) continue;
                  sum += x[((n * inputHeight + iy) * inputWidth + ix) * ci4 + ci] *
                    gy[((n * outputHeight + oy) * outputWidth + ox) * co4 + co];
                }
              }
            }
            return sum;
          }),
        }],
      };
    },
  };
}

function named(names: readonly string[], values: readonly number[]): Record<string, number> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}
