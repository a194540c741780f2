import type { Gpu } from "../src/gpu/device.ts";
import { Learner } from "../src/learner/learner.ts";
import { Network } from "../src/net/network.ts";
import { freezableBlocks } from "../src/net/resnet18.ts";
import { Random } from "../src/random.ts";
import type { Comparison } from "./comparison.ts";
import { nameInFile, stateLayout } from "../src/net/state_layout.ts";
import { compareActivationGradients, compareActivations } from "./activations.ts";
import { compareState, frozenNames, LIMIT, widthOf } from "./network_state.ts";
import type { OfficialRecording } from "./official_recording.ts";

/**
 * One pass of the official network, or of torchvision's: logits in inference, logits, outputs, loss, gradients and
 * running statistics of a training pass, logits in inference behind it, and which parameters each freezing candidate
 * stops.
 */
export async function checkNetwork(
  gpu: Gpu,
  recording: OfficialRecording,
  comparison: Comparison,
): Promise<void> {
  const { json } = recording;
  const init = recording.state("init")!;
  const [rows, , height, imageWidth] = recording.shape("x");
  const heads = recording.shape("train/logits")[1];
  const network = new Network(gpu, {
    width: widthOf(init),
    heads,
    height,
    imageWidth,
    maxRows: rows,
    stem: recording.shape("init/conv1.weight").at(-1) === 7 ? "imagenet" : "cifar",
  });
  const layout = stateLayout(init);
  const learner = new Learner({
    network,
    images: { height, width: imageWidth, padding: 0, mean: [0, 0, 0], std: [1, 1, 1] },
    flip: false,
    // The recorded inference afterwards is of the same weights.
    sgd: { learningRate: 0, momentum: 0, weightDecay: 0, nesterov: false },
    augmentRandom: Random.stream(0, "unused"),
    readEvery: 1,
    onLosses: () => {},
  });
  try {
    network.load(init, recording.name);
    const inputs = recording.numbers("x") as Float32Array;
    const infer = async (name: string) => {
      if (!recording.has(name)) return;
      const logits = await learner.inferTensors(inputs);
      comparison.close("logits", name, logits, recording.numbers(name), LIMIT);
    };
    await infer("eval_before/logits");
    const { loss, logits } = await learner.stepOnTensors([{
      inputs,
      labels: Array.from(recording.numbers("labels")),
      open: new Set(Array(heads).keys()),
    }]);
    comparison.close("loss", "training", [loss], recording.numbers("train/loss"), LIMIT);
    comparison.close("logits", "training", logits, recording.numbers("train/logits"), LIMIT);
    await compareActivations(network, recording, comparison);
    await compareActivationGradients(network, recording, comparison);
    for (const { name: official, data } of await network.exportGradients()) {
      const name = nameInFile(official, layout);
      if (!recording.has(`grad/${name}`)) continue;
      const expected = recording.numbers(`grad/${name}`);
      const { maxabs = 0, scale = 1 } = json?.f32_grad_noise_vs_f64?.[name] ?? {};
      const most = Array.from(expected).reduce((a, b) => Math.max(a, Math.abs(b)), 1e-30);
      const relative = (values: Float32Array | Float64Array) => Array.from(values, (v) => v / most);
      const limit = Math.max(LIMIT, 20 * maxabs / scale);
      comparison.close("gradients", name, relative(data), relative(expected), limit);
    }
    const after = recording.state("after");
    if (after) {
      await compareState(comparison, "after", network, new Map([...init, ...after]), LIMIT);
    }
    await infer("eval_after/logits");
    const candidates = Object.values(json?.frozen_parameters_for_candidate ?? {}) as string[][];
    candidates.forEach((names, i) => {
      const blocks = i + 1;
      const found = blocks <= freezableBlocks ? frozenNames(network, blocks) : [];
      const differ = names.filter((name) => !found.includes(name)).length +
        Math.abs(found.length - names.length);
      comparison.same("frozen parameters", `${blocks} blocks`, [differ], [0]);
    });
  } finally {
    learner.destroy();
    network.destroy();
  }
}
