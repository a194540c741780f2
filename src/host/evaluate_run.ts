import { createImageStore } from "../images/image_store.ts";
import { InputError } from "../errors.ts";
import { openGpu } from "./open_gpu.ts";
import type { ProviderName } from "../gpu/provider.ts";
import { Arena } from "../gpu/tensor.ts";
import { Random } from "../random.ts";
import { createLearner, createNetwork } from "../experiment/build.ts";
import { loadPastConfig } from "./load_config.ts";
import { evaluateTask, shiftOf } from "../experiment/evaluate.ts";
import { openMaterials } from "./open_materials.ts";
import { readSummary, runFolder } from "./run_folder.ts";
import { decodeWeights } from "../experiment/weights.ts";
import { readWeightsFile } from "./read_weights.ts";
import { chooseKernels } from "./choose_kernels.ts";

/**
 * Evaluates the saved model of a run again on the test images of all tasks that have heads. Returns accuracies in
 * percent, one per task.
 *
 * @throws {InputError} for a folder that is no run, or data that is not there any more.
 */
export async function evaluateRun(
  run: string,
  { provider, ...paths }: {
    readonly dataRoot: string;
    readonly cacheDir: string;
    readonly provider?: ProviderName;
  },
): Promise<{ classIl: number[]; taskIl: number[] }> {
  const folder = runFolder(run);
  const { heads, labels = [] } = readSummary(run);
  const config = await loadPastConfig(folder.config);
  if (heads.length === 0) {
    throw new InputError(`Cannot evaluate ${run}: no task of it has heads; train it further`);
  }
  if (config.evaluation.logitAdjustment > 0 && labels.length === 0) {
    console.warn(
      `${folder.summary} has no labels: its logits are not adjusted (evaluation.logitAdjustment)`,
    );
  }
  const weights = decodeWeights(readWeightsFile(folder.model, "evaluate"), folder.model, config);
  if (weights.note) console.warn(weights.note);
  const materials = await openMaterials(config, {
    ...paths,
    progress: () => {},
    warn: console.warn,
  });
  const gpu = await openGpu({ provider });
  try {
    const choice = await chooseKernels(gpu, config, {
      cacheDir: paths.cacheDir,
      mayTune: false,
      shouldStop: () => false,
      emit: () => {},
    });
    const network = createNetwork(gpu, config, choice);
    network.setState(weights.state);
    const learner = createLearner(network, config, {
      augmentRandom: Random.stream(config.seed, "augment"),
      onLosses: () => {},
    });
    const test = createImageStore(new Arena(gpu, "images"), {
      label: "test",
      source: 0,
      capacity: Math.max(...materials.tasks.map((task) => task.test.length)),
      height: config.data.size,
      width: config.data.size,
      maxRows: learner.maxRows,
    });
    const accuracies = [];
    for (const { task, heads: assigned } of heads) {
      const split = materials.tasks[task];
      const shift = shiftOf(config, labels);
      accuracies.push(
        await evaluateTask(learner, test, materials.dataset.test, split, assigned, { shift }),
      );
    }
    return {
      classIl: accuracies.map(({ classIl }) => classIl),
      taskIl: accuracies.map(({ taskIl }) => taskIl),
    };
  } finally {
    gpu.destroy();
  }
}
