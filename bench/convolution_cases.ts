import { convNormsOf, resnet18 } from "../src/net/resnet18.ts";
import { conv2dCost, conv2dProblem } from "../src/experiment/tuning/problem.ts";
import {
  type Conv2dPass,
  conv2dPasses,
  type Conv2dShape,
  type Conv2dVariant,
  defaultVariant,
  variantName,
} from "../src/ops/conv2d_variants.ts";
import { activationPlace, weightPlace } from "../src/reference/conv2d_samples.ts";
import type { KernelCase, PreparedCase } from "./kernel_case.ts";

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

/** Which ways to compute a pass are measured. */
export type Ways = (pass: Conv2dPass, layer: LayerShape) => readonly Conv2dVariant[];

/** Forward, input gradient and weight gradient at every shape of the network, in each of these ways. */
export function convolutionCases(size: NetworkSize, ways: Ways): KernelCase[] {
  return convolutionShapes(size).flatMap((layer) =>
    conv2dPasses
      // Nothing asks for the gradient of the images.
      .filter((pass) => layer.conv !== "conv1" || pass !== "input_gradient")
      .flatMap((pass) =>
        ways(pass, layer).map((variant) => convolutionCase(pass, layer, size.batch, variant))
      )
  );
}

/** One pass of a convolution, some thousand elements of its result checked; default: as suits the adapter. */
export function convolutionCase(
  pass: Conv2dPass,
  layer: LayerShape,
  batch: number,
  variant?: Conv2dVariant,
): KernelCase {
  const { conv, layers, inputChannels, outputChannels, kernel, stride } = layer;
  const { inputHeight, inputWidth, outputHeight, outputWidth } = layer;
  const image = { inputHeight, inputWidth, outputHeight, outputWidth };
  const result = {
    forward: {
      name: "y",
      axes: ["n", "oy", "ox", "co"],
      place: (at: number) => activationPlace(at, outputHeight, outputWidth, outputChannels),
    },
    input_gradient: {
      name: "gx",
      axes: ["n", "iy", "ix", "ci"],
      place: (at: number) => activationPlace(at, inputHeight, inputWidth, inputChannels),
    },
    weight_gradient: {
      name: "gw",
      axes: ["ky", "kx", "ci", "co"],
      place: (at: number) => weightPlace(at, layer),
    },
  }[pass];
  return {
    kernel: `conv2d_${pass}`,
    variant: variant ? variantName(variant) : undefined,
    layer: conv,
    layers,
    shape: { batch, inputChannels, outputChannels, kernel, stride, ...image },
    ...conv2dCost(layer, batch),
    prepare: (operands): PreparedCase => {
      const problem = conv2dProblem(operands, pass, layer, batch);
      return {
        dispatches: problem.dispatches(variant ?? defaultVariant(operands.gpu)(pass, layer)),
        outputs: [{
          name: result.name,
          tensor: problem.output,
          at: problem.at,
          expected: problem.expected,
          where: (at) => {
            const place = result.place(at);
            return Object.fromEntries(result.axes.map((axis, i) => [axis, place[i]]));
          },
        }],
      };
    },
  };
}
