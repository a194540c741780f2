import type { Gpu } from "../../gpu/device.ts";
import { Random } from "../../random.ts";
import { createLearner, createNetwork } from "../build.ts";
import type { ExperimentConfig } from "../config_types.ts";
import type { ImageCount } from "../image_counter.ts";

/** An image in inference takes about a third of the time of one in training: the forward pass alone. */
const INFERENCE = 1 / 3;

/** Enough steps for a figure to plan with. */
const MEASURED = { steps: 20, milliseconds: 2000 };

/** Images per second through training steps of a configuration, measured in two seconds on images of noise. */
export async function measureSpeed(gpu: Gpu, config: ExperimentConfig): Promise<number> {
  const network = createNetwork(gpu, config);
  const random = Random.stream(config.seed, "speed");
  const learner = createLearner(network, config, { augmentRandom: random, onLosses: () => {} });
  try {
    network.initialize(random);
    const { batchSize: rows, data: { size } } = config;
    const inputs = Float32Array.from({ length: rows * 3 * size * size }, () => random.normal());
    const labels = Array.from({ length: rows }, (_, i) => i % learner.heads);
    const segment = { inputs, labels, open: new Set(Array(learner.heads).keys()) };
    await learner.stepOnTensors([segment]); // compiles
    const began = performance.now();
    let steps = 0;
    while (steps < MEASURED.steps && performance.now() - began < MEASURED.milliseconds) {
      await learner.stepOnTensors([segment]);
      steps++;
    }
    return steps * rows / ((performance.now() - began) / 1000);
  } finally {
    learner.destroy();
    network.destroy();
  }
}

/** Seconds that a run takes at this speed. */
export function secondsFor({ trained, judged }: ImageCount, imagesPerSecond: number): number {
  return (trained + INFERENCE * judged) / imagesPerSecond;
}
