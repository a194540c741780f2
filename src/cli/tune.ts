import { loadConfig } from "../host/load_config.ts";
import type { Override } from "../experiment/overrides.ts";
import { textTable } from "../experiment/report.ts";
import { tune, type TuningResult } from "../check/tune.ts";
import { rememberedVariant } from "../check/tuned.ts";
import { tuningTasks } from "../experiment/tuning_tasks.ts";
import { readRemembered, writeRemembered } from "../host/remembered_tuning.ts";
import { adapterName } from "../gpu/device.ts";
import { openGpu } from "../host/open_gpu.ts";
import type { ProviderName } from "../gpu/provider.ts";
import { variantName } from "../ops/conv2d_variants.ts";
import type { Terminal } from "./terminal.ts";

/** `wscl tune`, in plain values. */
export interface TuneOptions {
  readonly config: string;
  readonly overrides: readonly Override[];
  readonly cacheDir: string;
  /** Tries what is remembered, too. */
  readonly again: boolean;
  readonly provider: ProviderName;
}

/** Finds the fastest kernels for a configuration on this adapter, remembers them and prints what was found. */
export async function tuneCommand(options: TuneOptions, terminal: Terminal): Promise<void> {
  const config = await loadConfig(options.config, options.overrides);
  const gpu = await openGpu({ provider: options.provider });
  try {
    terminal.print(`adapter        ${adapterName(gpu.adapter)}`);
    const remembered = await readRemembered(gpu, options.cacheDir);
    const tasks = tuningTasks(config);
    const results = await tune(gpu, tasks, remembered, {
      again: options.again,
      progress: (done, total) => terminal.live(`tuning: ${done} of ${total}`),
      leftOut: (task, reason) => terminal.print(`left out: ${task}: ${reason}`),
    });
    terminal.live("");
    if (results.length === 0) {
      if (tasks.some((task) => !rememberedVariant(gpu, remembered, task))) return;
      return terminal.print(`All ${tasks.length} are remembered; --again tries them again`);
    }
    await writeRemembered(gpu, options.cacheDir, remembered, (text) => terminal.print(text));
    terminal.print(`\n${describeTuning(results)}`);
  } finally {
    gpu.destroy();
  }
}

/** A line a task: the default, the best, and how much faster it is; refused candidates with the reason below. */
export function describeTuning(results: readonly TuningResult[]): string {
  const ms = (value: number | null) => value === null ? "-" : value.toPrecision(3);
  const rows = results.map(({ task: { pass, layer }, trials, best }) => {
    const [first] = trials;
    const found = trials.find(({ variant }) => variantName(variant) === best)!;
    const { inputChannels, outputChannels, kernel, stride, inputHeight, inputWidth } = layer;
    return [
      `${pass} ${kernel}x${kernel}${
        stride === 2 ? "/2" : ""
      }, ${inputChannels} to ${outputChannels}, ` +
      `${inputHeight}x${inputWidth}`,
      variantName(first.variant),
      ms(first.milliseconds),
      best,
      ms(found.milliseconds),
      (first.milliseconds! / found.milliseconds!).toFixed(2),
      String(trials.length),
    ];
  });
  const header = ["pass and layer", "default", "ms", "best", "ms", "times as fast", "tried"];
  const refused = results.flatMap(({ task, trials }) =>
    trials.filter((trial) => trial.refused !== null).map(({ variant, refused }) =>
      `refused: ${task.pass} by ${variantName(variant)}: ${refused}`
    )
  );
  return [textTable([header, ...rows], 1), ...refused].join("\n");
}
