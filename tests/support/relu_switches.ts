/**
 * Where two runs of one forward pass disagree about the sign of a ReLU's input. In float32 that happens
 * whenever an input lies within rounding of 0; the gradients of all layers in front of it then differ by
 * about 1 %, in any implementation. A comparison of trained states must know about it.
 */

import { download } from "../../src/gpu/tensor.ts";
import type { Network } from "../../src/net/network.ts";
import type { ConvNorm, ResNet18 } from "../../src/net/resnet18.ts";
import { batchNormTrain } from "../../src/reference/batch_norm.ts";
import { conv2dForward, conv2dOutputShape, type Shape4 } from "../../src/reference/conv2d.ts";
import { reluForward } from "../../src/reference/relu.ts";
import type { Activation, Resnet18 } from "../../src/reference/resnet18.ts";
import { nhwcLength, toNhwc } from "../../src/reference/layout.ts";

/** One element whose sign differs: the ReLU's name and its input in double precision. */
export interface ReluSwitch {
  relu: string;
  input: number;
}

/** The outputs of all ReLUs in the last pass of `network`, by the names of its activations. */
export async function reluOutputs(network: Network): Promise<Map<string, ArrayLike<number>>> {
  const { outputs } = network.activations;
  const read = await download(network.gpu, [...outputs.values()]);
  return new Map([...outputs.keys()].map((name, i) => [name, read[i]]));
}

/** Compares the outputs of a training pass with the twin's inputs on the same segments of pictures. */
export function reluSwitches(
  architecture: ResNet18,
  outputs: ReadonlyMap<string, ArrayLike<number>>,
  twin: Resnet18,
  segments: readonly Activation[],
): ReluSwitch[] {
  const found: ReluSwitch[] = [];
  let start = 0;
  for (const pictures of segments) {
    const inputs = reluInputs(twin, architecture, pictures);
    outputs.forEach((mine, relu) => {
      const { data, shape } = inputs.get(relu)!;
      const from = start * nhwcLength(shape) / shape[0];
      toNhwc(data, shape).forEach((input, at) => {
        if ((mine[from + at] > 0) !== (input > 0)) found.push({ relu, input });
      });
    });
    start += pictures.shape[0];
  }
  return found;
}

/** The inputs of all ReLUs by the names of the network's activations, `[N, C, H, W]`, in double precision. */
function reluInputs(
  { state }: Resnet18,
  { stem, blocks }: ResNet18,
  pictures: Activation,
): Map<string, Activation> {
  const get = (name: string) => state.get(name)!;
  const normalised = (layer: ConvNorm, x: Activation): Activation => {
    const { kernel, stride, inputChannels, outputChannels, norm } = layer;
    const options = { stride, padding: (kernel - 1) / 2 };
    const weightShape: Shape4 = [outputChannels, inputChannels, kernel, kernel];
    const z = conv2dForward(x.data, x.shape, get(`${layer.conv}.weight`), weightShape, options);
    const shape = conv2dOutputShape(x.shape, weightShape, options);
    const [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
      .map((part) => get(`${norm}.${part}`));
    return { data: batchNormTrain(z, shape, weight, bias, mean, variance).y, shape };
  };
  const inputs = new Map<string, Activation>();
  const relu = (name: string, input: Activation): Activation => {
    inputs.set(name, input);
    return { data: reluForward(input.data), shape: input.shape };
  };
  let x = relu(stem.conv, normalised(stem, pictures));
  for (const { name, first, second, shortcut } of blocks) {
    const residual = shortcut ? normalised(shortcut, x) : x;
    const { data, shape } = normalised(second, relu(first.conv, normalised(first, x)));
    x = relu(name, { data: data.map((value, i) => value + residual.data[i]), shape });
  }
  return inputs;
}
