import type { Dispatch } from "../src/gpu/dispatch.ts";
import { Program } from "../src/gpu/program.ts";
import { download, type Tensor } from "../src/gpu/tensor.ts";
import type { Network } from "../src/net/network.ts";
import type { Comparison } from "./comparison.ts";
import { LIMIT } from "./network_state.ts";
import type { OfficialRecording } from "./official_recording.ts";

/** Compares what a training pass left in the network: recorded outputs of the stem, of the stages, and features. */
export async function compareActivations(
  network: Network,
  recording: OfficialRecording,
  comparison: Comparison,
): Promise<void> {
  const { layers, outputs, features } = network.activations;
  const compare = async (quantity: string, name: string, tensor: Tensor, relu = false) => {
    if (!recording.has(name)) return;
    const found = await nchw(network, tensor, recording.shape(name));
    const expected = recording.numbers(name);
    const wanted = relu ? expected.map((value) => Math.max(0, value)) : expected;
    comparison.close(quantity, name, found, wanted, LIMIT);
  };
  await compare("stem outputs", "train/act/conv1", layers.get("conv1")!.z);
  // The norm's own output is nowhere: it is written behind the ReLU.
  await compare("stem outputs", "train/act/bn1", outputs.get("conv1")!, true);
  const pooled = outputs.get("maxpool");
  if (pooled) await compare("stem outputs", "train/act/maxpool", pooled);
  for (let stage = 1; stage <= 4; stage++) {
    await compare("stage outputs", `train/act/layer${stage}`, outputs.get(`layer${stage}.1`)!);
  }
  await compare("features", "train/features", features);
}

/**
 * Compares the gradients of the same outputs. A backward pass keeps none of them, so it is run again piece by piece,
 * and read where a launch is about to use one. Call it before anything else is computed: it starts from the gradient
 * of the logits that the pass before has left.
 */
export async function compareActivationGradients(
  network: Network,
  recording: OfficialRecording,
  comparison: Comparison,
): Promise<void> {
  const rows = recording.shape("x")[0];
  const dispatches = network.recordBackward([rows]);
  const readers = [
    ...[1, 2, 3, 4].map((stage) => ({
      name: `train/gact/layer${stage}`,
      reads: (given: Dispatch) => isReduceOf(given, `layer${stage}.1.bn2`),
    })),
    {
      name: "train/gact/maxpool",
      reads: ({ kernel }: Dispatch) => kernel.name === "max_pool_backward",
    },
    { name: "train/gact/bn1", reads: (given: Dispatch) => isReduceOf(given, "bn1") },
    {
      name: "train/gact/conv1",
      reads: ({ kernel, label }: Dispatch) =>
        kernel.name.includes("weight_gradient") && label === "conv1",
    },
  ];
  const stops = readers.filter(({ name }) => recording.has(name))
    .map(({ name, reads }) => ({ name, at: dispatches.findIndex(reads) }))
    .sort((a, b) => a.at - b.at);
  let done = 0;
  for (const { name, at } of stops) {
    await run(network, dispatches.slice(done, at));
    done = at;
    const { gy } = dispatches[at].buffers;
    const shape = recording.shape(name);
    const found = await nchw(network, "tensor" in gy ? gy.tensor : gy, shape);
    if (name === "train/gact/bn1") {
      // What reaches the ReLU; it lets through what was above 0.
      const y = await nchw(network, network.activations.outputs.get("conv1")!, shape);
      found.forEach((_, i) => found[i] = y[i] > 0 ? found[i] : 0);
    }
    const expected = recording.numbers(name);
    let most = 1e-30;
    for (const value of expected) most = Math.max(most, Math.abs(value));
    const relative = (values: ArrayLike<number>) => Array.from(values, (value) => value / most);
    comparison.close("gradients of outputs", name, relative(found), relative(expected), LIMIT);
  }
  await run(network, dispatches.slice(done));
}

function isReduceOf({ kernel, label }: Dispatch, norm: string): boolean {
  return kernel.name.startsWith("batch_norm_backward_reduce") && label === norm;
}

async function run({ gpu }: Network, dispatches: readonly Dispatch[]): Promise<void> {
  const program = await Program.build(gpu, "piece of a backward pass", dispatches);
  program.run();
  program.destroy();
}

/** The beginning of a tensor of pixels with padded channels, as `[rows, channels, height, width]`. */
async function nchw(
  { gpu }: Network,
  tensor: Tensor,
  [rows, channels, height = 1, width = 1]: readonly number[],
): Promise<Float64Array> {
  const [values] = await download(gpu, [tensor]);
  const padded = Math.ceil(channels / 4) * 4;
  const area = height * width;
  return Float64Array.from({ length: rows * channels * area }, (_, i) => {
    const [row, channel] = [Math.floor(i / (channels * area)), Math.floor(i / area) % channels];
    return values[(row * area + i % area) * padded + channel];
  });
}
