import type { CheckpointEvery } from "../experiment/checkpoint.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import { driveRun } from "../experiment/run.ts";
import type { RunHost, RunStore } from "../experiment/run_host.ts";
import type { Summary } from "../experiment/summary.ts";
import { chooseKernels } from "./choose_kernels.ts";
import { testKernelsOnce } from "./self_test_once.ts";
import { openGpu } from "./open_gpu.ts";
import { openMaterials } from "./open_materials.ts";
import { loadOwnMethod } from "./own_method.ts";
import { ownKernelsOf } from "./own_kernels.ts";
import { readWeightsFile } from "./read_weights.ts";
import { resumeCommand } from "./run_folder.ts";
import { lockRunFolder } from "./run_lock.ts";
import { FolderStore } from "./run_store.ts";
import { steadyNow } from "../experiment/steady_clock.ts";
import type { RunOptions } from "./worker_messages.ts";

/** Five minutes cost little to repeat, and a checkpoint of the largest network a second or two to write. */
const DEFAULT_EVERY: CheckpointEvery = { seconds: 300 };

/**
 * Runs an experiment from data to summary: for each task choose heads, learn, evaluate. Leaves `config.json`,
 * `log.jsonl`, `model.safetensors` and `summary.json` in `options.out`, also when it is asked to stop (the summary then
 * says `completed: false`; if it had not begun to train, there is no model yet), and checkpoints on the way. With
 * `options.resume` it goes on from the last one and ends as if it had never been interrupted, bit by bit.
 *
 * @throws {InputError} for data, configuration or weights that do not fit, before any training; and where another run
 * writes to the folder.
 */
export async function runExperiment(
  config: ExperimentConfig,
  options: RunOptions,
): Promise<Summary> {
  const { out, resume = false, checkpointsKept: keep = 2 } = options;
  using _lock = lockRunFolder(out);
  using store = new FolderStore(config, { ...options, resume, keep });
  return await driveRun(config, hostOf(options, store));
}

/** A process with a disk, as a run sees it. */
function hostOf(options: RunOptions, store: RunStore): RunHost {
  const { out, init, dataRoot, cacheDir, provider = "deno" } = options;
  return {
    name: out,
    goOnWith: resumeCommand(options),
    runtime: { provider, denoVersion: Deno.version.deno },
    resume: options.resume ?? false,
    checkpointEvery: options.checkpointEvery ?? DEFAULT_EVERY,
    deadline: options.deadline ?? null,
    store,
    readInitialWeights: init === null
      ? null
      : () => ({ bytes: readWeightsFile(init, "start from"), name: init }),
    now: steadyNow,
    shouldStop: options.shouldStop,
    emit: options.emit,
    openMaterials: (config, hooks) => openMaterials(config, { dataRoot, cacheDir, ...hooks }),
    openGpu: () => openGpu({ provider }),
    async loadMethod(module) {
      await loadOwnMethod(module);
      return await Deno.readFile(module);
    },
    async testKernels(gpu, { precision, network: { stem } }, hooks) {
      if (options.skipSelfTest) return;
      await testKernelsOnce(gpu, { precision, stem }, cacheDir, hooks);
    },
    chooseKernels: (gpu, config, hooks) =>
      chooseKernels(gpu, config, { cacheDir, mayTune: !options.skipTuning, ...hooks }),
    kernels: ownKernelsOf(options.kernels),
    tells: options.tells,
    atPoint: options.atPoint,
  };
}
