import { fileURLToPath } from "node:url";
import { openGpu } from "../src/gpu/device.ts";
import { loadConfig } from "../src/experiment/config.ts";
import { launch } from "../src/experiment/launch.ts";
import { parseOverride } from "../src/experiment/overrides.ts";
import { createRunFolder } from "../src/experiment/run_folder.ts";
import type { Precision } from "../src/ops/storage.ts";
import { figures, table } from "./measure.ts";
import { type Output, settingOf, writeResults } from "./setting.ts";

/** Two short tasks with every phase of the method; what they learn does not matter. */
const settings = ["data.tasks=2", "epochs=1", "wscl.sleepEpochs=1", "log.every=20"];

/** What `wscl bench run` was asked for. */
export interface RunOptions {
  readonly width: number;
  readonly precision: Precision;
  readonly cacheDir: string;
  readonly out: string;
}

/**
 * Times a whole small experiment: data, choice of heads, wake, freezing search, sleep, memories, evaluation, saving.
 */
export async function benchRun(options: RunOptions, output: Output): Promise<void> {
  const gpu = await openGpu();
  const setting = settingOf(gpu);
  gpu.destroy();
  const path = fileURLToPath(new URL("../configs/demo.json", import.meta.url));
  const config = await loadConfig(path, [
    ...settings.map(parseOverride),
    { path: "network.width", value: options.width },
    { path: "precision", value: options.precision },
  ]);
  const out = `${options.out}/run`;
  createRunFolder(out, { overwrite: true });
  const began = performance.now();
  const phases = new Map<string, number>();
  let [phase, since] = ["start", began];
  const enter = (next: string) => {
    const now = performance.now();
    phases.set(phase, (phases.get(phase) ?? 0) + now - since);
    [phase, since] = [next, now];
  };
  const summary = await launch(config, {
    dataRoot: "data",
    cacheDir: options.cacheDir,
    out,
    init: null,
    onEvent: (event) => {
      if (event.type !== "phase") return;
      output.live(event.phase);
      enter(event.phase);
    },
  });
  enter("end");
  output.live("");
  const milliseconds = performance.now() - began;
  const parts = Object.fromEntries(phases);
  output.print(
    `demo of ${config.data.tasks} tasks, width ${options.width}, ${options.precision} precision: ${
      figures(milliseconds / 1000)
    } s, ` +
      `${summary.steps} steps, ${figures(summary.samplesPerSecond)} samples/s while learning`,
  );
  output.print(table([
    ["phase", "ms", "share"],
    ...[...phases].toSorted(([, a], [, b]) => b - a).map(([name, ms]) => [
      name,
      figures(ms),
      `${(100 * ms / milliseconds).toFixed(0)} %`,
    ]),
  ]));
  const result = {
    bench: "run",
    width: options.width,
    precision: options.precision,
    size: config.data.size,
    batch: config.batchSize,
    settings,
    milliseconds,
    steps: summary.steps,
    samplesPerSecond: summary.samplesPerSecond,
    phases: parts,
  };
  output.print(`\nwritten: ${writeResults(options.out, "run", [result], setting)}`);
}
