import { rememberedChoice, rememberedVariant } from "../check/tuned.ts";
import { tune } from "../check/tune.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { RunEvent } from "../experiment/events.ts";
import { trainingRows } from "../experiment/training_rows.ts";
import { tuningTasks } from "../experiment/tuning_tasks.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Conv2dChoice } from "../ops/conv2d_variants.ts";
import { storedTypes } from "../ops/storage.ts";
import { readRemembered, writeRemembered } from "./remembered_tuning.ts";

/** What a run may do about its kernels before it starts. */
interface TuningOptions {
  readonly cacheDir: string;
  /** Tunes what is not remembered, where that takes seconds: not on a CPU. */
  readonly mayTune: boolean;
  readonly shouldStop: () => boolean;
  readonly emit: (event: RunEvent) => void;
}

/**
 * How the convolutions of a configuration are computed on this adapter: as they were found best and remembered, or
 * found now, or else by default. No bit of a result depends on it.
 */
export async function chooseKernels(
  gpu: Gpu,
  config: ExperimentConfig,
  { cacheDir, mayTune, shouldStop, emit }: TuningOptions,
): Promise<Conv2dChoice> {
  const remembered = await readRemembered(gpu, cacheDir);
  const tasks = tuningTasks(config);
  const isMissing = tasks.some((task) => !rememberedVariant(gpu, remembered, task));
  if (mayTune && isMissing && !gpu.adapter.isFallback) {
    emit({ type: "phase", task: null, phase: "tuning" });
    const leftOut: string[] = [];
    await tune(gpu, tasks, remembered, {
      shouldStop,
      leftOut: (task) => leftOut.push(task),
      progress: (done, total) =>
        emit({ type: "message", text: `tuning kernels: ${done} of ${total}`, passing: true }),
    });
    const say = (text: string) => emit({ type: "message", text });
    if (leftOut.length > 0) {
      say(`There is no room to tune ${leftOut.length} kernels: defaults serve`);
    }
    await writeRemembered(gpu, cacheDir, remembered, say);
  }
  return rememberedChoice(gpu, remembered, trainingRows(config), storedTypes[config.precision]);
}
