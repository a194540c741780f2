import type { HostTensor } from "../net/host_tensor.ts";
import type { BasicBlock, ConvNorm, ResNet18 } from "../net/resnet18.ts";
import type { OnnxConstant, OnnxModel, OnnxNode } from "./onnx.ts";

/** As in `shaders/lib/batch_norm.wgsl`. */
const EPSILON = 1e-5;

/** A class and its output column. */
export interface ClassHead {
  readonly name: string;
  readonly head: number;
}

/** A network that has been trained, and what must be known to ask it. */
export interface TrainedNetwork {
  readonly net: ResNet18;
  /** F32, under the official names, in PyTorch's layouts. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
  /** Those that are answered with, in the order of the outputs. */
  readonly classes: readonly ClassHead[];
  /** Per colour, of values from 0 to 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Added to the logits, by head; null: nothing. */
  readonly shift: Float32Array | null;
}

/** What a file says of itself. */
export interface OnnxLabels {
  readonly name: string;
  readonly about: string;
  readonly producer: OnnxModel["producer"];
}

/**
 * The graph of a network in inference.
 *
 *   image   f32 [batch, 3, height, width]   RGB, 0 to 255
 *   logits  f32 [batch, classes]            of the classes that are answered with, in their order
 *
 * The normalisation is part of it: behind it zeros are padded, so it cannot be folded into the first convolution.
 * Metadata: `classes` (names in the order of the logits, JSON), `heads` (their output columns, JSON), `size`, `mean`,
 * `std`.
 *
 * @throws {TypeError} for a tensor that is missing or not F32.
 */
export function onnxOfResNet18(network: TrainedNetwork, labels: OnnxLabels): OnnxModel {
  const { net, classes, mean, std } = network;
  const graph = new Graph(network.tensors);
  let x = graph.normalise("image", network);
  x = graph.relu(graph.convNorm(x, net.stem), "relu1");
  if (net.pooled) x = graph.maxPool(x);
  for (const block of net.blocks) x = graph.block(x, block);
  x = graph.add("GlobalAveragePool", "average", [x]);
  x = graph.add("Flatten", "features", [x], { axis: 1 });
  graph.linear(x, network, "logits");
  return {
    ...labels,
    nodes: graph.nodes,
    constants: graph.constants,
    inputs: [{
      name: "image",
      shape: ["batch", 3, net.height, net.inputWidth],
      about: "RGB, 0 to 255; channels first",
    }],
    outputs: [{
      name: "logits",
      shape: ["batch", classes.length],
      about: "one for each class, as metadata has them; softmax makes probabilities of them",
    }],
    metadata: {
      classes: JSON.stringify(classes.map(({ name }) => name)),
      heads: JSON.stringify(classes.map(({ head }) => head)),
      size: String(net.height),
      mean: JSON.stringify(mean),
      std: JSON.stringify(std),
    },
  };
}

/** Nodes and constants as they come; each method returns the name of what it computes. */
class Graph {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxConstant[] = [];
  readonly #tensors: ReadonlyMap<string, HostTensor>;

  constructor(tensors: ReadonlyMap<string, HostTensor>) {
    this.#tensors = tensors;
  }

  /** A node with one output, which has the node's name. */
  add(
    op: string,
    name: string,
    inputs: readonly string[],
    attributes?: OnnxNode["attributes"],
  ): string {
    this.nodes.push({ op, name, inputs, outputs: [name], attributes });
    return name;
  }

  /** (x / 255 - mean) / std */
  normalise(x: string, { mean, std }: TrainedNetwork): string {
    const perColour = (name: string, values: readonly number[]) =>
      this.#constant(name, [1, values.length, 1, 1], Float32Array.from(values));
    const share = this.add("Div", "scaled", [x, this.#constant("255", [], Float32Array.of(255))]);
    const centred = this.add("Sub", "centred", [share, perColour("mean", mean)]);
    return this.add("Div", "normalised", [centred, perColour("std", std)]);
  }

  convNorm(x: string, { conv, norm, kernel, stride }: ConvNorm): string {
    const padding = (kernel - 1) / 2;
    const convolved = this.add("Conv", conv, [x, this.#weights(`${conv}.weight`)], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: Array(4).fill(padding),
    });
    const parts = ["weight", "bias", "running_mean", "running_var"];
    const inputs = [convolved, ...parts.map((part) => this.#weights(`${norm}.${part}`))];
    return this.add("BatchNormalization", norm, inputs, { epsilon: { float: EPSILON } });
  }

  relu(x: string, name: string): string {
    return this.add("Relu", name, [x]);
  }

  maxPool(x: string): string {
    const attributes = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
    return this.add("MaxPool", "maxpool", [x], attributes);
  }

  block(x: string, { name, first, second, shortcut }: BasicBlock): string {
    const inner = this.relu(this.convNorm(x, first), `${name}.relu1`);
    const outer = this.convNorm(inner, second);
    const beside = shortcut ? this.convNorm(x, shortcut) : x;
    return this.relu(this.add("Add", `${name}.sum`, [outer, beside]), `${name}.relu2`);
  }

  /** The rows of the classifier that belong to classes, and no others. */
  linear(x: string, { net, classes, shift }: TrainedNetwork, name: string): string {
    const { features } = net;
    const all = this.#tensor("linear.weight").data;
    const biases = this.#tensor("linear.bias").data;
    const rows = new Float32Array(classes.length * features);
    classes.forEach(({ head }, row) =>
      rows.set(all.subarray(head * features, (head + 1) * features), row * features)
    );
    const bias = Float32Array.from(classes, ({ head }) => biases[head] + (shift?.[head] ?? 0));
    const inputs = [
      x,
      this.#constant("linear.weight", [classes.length, features], rows),
      this.#constant("linear.bias", [classes.length], bias),
    ];
    return this.add("Gemm", name, inputs, { transB: 1 });
  }

  #weights(name: string): string {
    const { shape, data } = this.#tensor(name);
    return this.#constant(name, shape, data);
  }

  #tensor(name: string): HostTensor & { dtype: "F32" } {
    const tensor = this.#tensors.get(name);
    if (tensor?.dtype === "F32") return tensor;
    throw new TypeError(`Cannot write ${name}: it is ${tensor?.dtype ?? "missing"}, not F32`);
  }

  #constant(name: string, shape: readonly number[], data: Float32Array): string {
    this.constants.push({ name, shape, data });
    return name;
  }
}
