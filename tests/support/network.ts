/** Networks of the program beside the double-precision twin: same state, same input. */

import type { Gpu } from "../../src/gpu/device.ts";
import { download, upload } from "../../src/gpu/tensor.ts";
import { Network, type NetworkOptions } from "../../src/net/network.ts";
import type { HostTensor } from "../../src/net/safetensors.ts";
import type { Random } from "../../src/random.ts";
import type { Shape4 } from "../../src/reference/conv2d.ts";
import {
  type Activation,
  resnet18ParameterShapes,
  type State,
  type StemKind,
} from "../../src/reference/resnet18.ts";
import type { Workbench } from "./gpu.ts";
import { fromNhwc, normals, toNhwc } from "../../src/reference/layout.ts";

/** Runs `use` with a network that is destroyed afterwards. */
export async function withNetwork(
  gpu: Gpu,
  options: NetworkOptions,
  use: (network: Network) => Promise<void>,
): Promise<void> {
  const network = new Network(gpu, options);
  try {
    await use(network);
  } finally {
    network.destroy();
  }
}

/** A state that no layer is neutral in: irregular weights, gammas, betas and statistics. */
export function irregularState(
  random: Random,
  width: number,
  heads: number,
  stem?: StemKind,
): State {
  const state: State = new Map();
  for (const [name, shape] of resnet18ParameterShapes(width, heads, stem)) {
    const count = shape.reduce((a, b) => a * b, 1);
    const norm = shape.length === 1 && name !== "linear.bias";
    const deviation = norm ? 0.2 : 1 / Math.sqrt(count / shape[0]);
    const isGamma = norm && name.endsWith("weight");
    state.set(name, normals(random, count, { mean: isGamma ? 1 : 0, deviation }));
    if (!isGamma) continue;
    const layer = name.slice(0, -".weight".length);
    state.set(`${layer}.running_mean`, normals(random, count, { deviation: 0.3 }));
    const variance = normals(random, count).map((v) => Math.fround(0.3 + v * v));
    state.set(`${layer}.running_var`, variance);
  }
  return state;
}

/** The twin's state as `Network.load` takes it. */
export function hostState(
  state: State,
  width: number,
  heads: number,
  stem?: StemKind,
): Map<string, HostTensor> {
  const shapes = resnet18ParameterShapes(width, heads, stem);
  return new Map([...state].map(([name, values]) => {
    const data = Float32Array.from(values);
    return [name, { dtype: "F32", shape: [...(shapes.get(name) ?? [data.length])], data }];
  }));
}

/** Puts pictures `[N, 3, H, W]` where the network reads its input. */
export function setInput(network: Network, pictures: Activation): void {
  upload(network.gpu, network.activations.input, toNhwc(pictures.data, pictures.shape));
}

/** The logits of the last forward pass, `[rows, heads]`. */
export async function logitsOf(network: Network, rows: number): Promise<Float64Array> {
  const { logits } = network.activations;
  const [values] = await download(network.gpu, [logits]);
  const shape: Shape4 = [rows, network.architecture.heads, 1, 1];
  return fromNhwc(values.subarray(0, rows * logits.shape[1]), shape);
}

/** Puts d loss / d logits `[rows, heads]` where the backward pass starts. */
export function setLogitGradient(network: Network, gradient: ArrayLike<number>, rows: number) {
  const values = toNhwc(gradient, [rows, network.architecture.heads, 1, 1]);
  upload(network.gpu, network.activations.gLogits, values);
}

/** Fills the gradient table, so that what a backward pass leaves out can be told. */
export function fillGradients(network: Network, value: number): void {
  const filled = new Float32Array(network.gradients.length).fill(value);
  upload(network.gpu, network.gradients, filled);
}

/** Gradients of the last backward pass by official name. */
export async function gradientsOf(network: Network): Promise<Map<string, Float32Array>> {
  return new Map((await network.exportGradients()).map(({ name, data }) => [name, data]));
}

/** Forward in training mode and backward, with the logits' gradients given by `loss`. */
export async function trainPass(
  bench: Workbench,
  network: Network,
  segments: readonly number[],
  pictures: Activation,
  loss: (logits: Float64Array) => Float64Array,
): Promise<Float64Array> {
  const rows = pictures.shape[0];
  setInput(network, pictures);
  await bench.run(network.recordForward(segments, "training"));
  const logits = await logitsOf(network, rows);
  setLogitGradient(network, loss(logits), rows);
  await bench.run(network.recordBackward(segments));
  return logits;
}
