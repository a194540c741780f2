import { fileURLToPath } from "node:url";
import { openGpu } from "../src/host/open_gpu.ts";
import { loadConfig } from "../src/host/load_config.ts";
import type { RunEvent } from "../src/experiment/events.ts";
import { launch } from "../src/host/launch.ts";
import { parseOverride } from "../src/experiment/overrides.ts";
import { createRunFolder } from "../src/host/run_folder.ts";
import type { ProviderName } from "../src/gpu/provider.ts";
import type { Precision } from "../src/ops/storage.ts";
import { figures, summarise, table } from "./measure.ts";
import { type Output, settingOf, writeResults } from "./setting.ts";

/** Short tasks with every phase of the method; what they learn does not matter. */
const settings = ["epochs=1", "wscl.sleepEpochs=1", "log.every=5"];

/** What `wscl bench run` was asked for. */
export interface RunOptions {
  readonly width: number;
  readonly tasks: number;
  readonly precision: Precision;
  readonly cacheDir: string;
  readonly out: string;
  readonly provider: ProviderName;
}

/**
 * Times a whole small experiment: data, choice of heads, wake, sleep, memories, evaluation, saving.
 */
export async function benchRun(options: RunOptions, output: Output): Promise<void> {
  const gpu = await openGpu({ provider: options.provider });
  const setting = settingOf(gpu);
  gpu.destroy();
  const path = fileURLToPath(new URL("../configs/demo.json", import.meta.url));
  const config = await loadConfig(path, [
    ...settings.map(parseOverride),
    { path: "data.tasks", value: options.tasks },
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
  const costs = new TaskCosts();
  const summary = await launch(config, {
    dataRoot: "data",
    cacheDir: options.cacheDir,
    out,
    init: null,
    provider: options.provider,
    onEvent: (event) => {
      if (event.type === "phase") {
        output.live(event.phase);
        enter(event.phase);
      }
      costs.add(event);
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
  output.print(`\nmilliseconds a step, after each task the memory of the GPU\n${costs.table()}`);
  const result = {
    bench: "run",
    width: options.width,
    tasks: options.tasks,
    precision: options.precision,
    size: config.data.size,
    batch: config.batchSize,
    settings,
    milliseconds,
    steps: summary.steps,
    samplesPerSecond: summary.samplesPerSecond,
    phases: parts,
    perTask: costs.tasks,
  };
  output.print(`\nwritten: ${writeResults(options.out, "run", [result], setting)}`);
}

/** What a step of each phase takes, task by task, and how much memory: neither should grow with the tasks seen. */
class TaskCosts {
  readonly #times = new Map<string, number[]>();
  readonly #bytes: number[] = [];

  add(event: RunEvent): void {
    if (event.type === "evaluation") this.#bytes[event.task] = event.gpuBytes;
    if (event.type !== "step") return;
    const key = `${event.task} ${event.phase}`;
    this.#times.set(key, [...this.#times.get(key) ?? [], event.milliseconds]);
  }

  /** Medians over the read-backs of a phase. */
  get tasks(): { milliseconds: Record<string, number>; megabytes: number }[] {
    return this.#bytes.map((bytes, task) => ({
      milliseconds: Object.fromEntries(
        [...this.#times].filter(([key]) => key.startsWith(`${task} `))
          .map(([key, times]) => [key.split(" ")[1], summarise(times).median]),
      ),
      megabytes: bytes / 1e6,
    }));
  }

  table(): string {
    const phases = [
      ...new Set(this.tasks.flatMap(({ milliseconds }) => Object.keys(milliseconds))),
    ];
    return table([
      ["task", ...phases, "MB"],
      ...this.tasks.map(({ milliseconds, megabytes }, task) => [
        `${task + 1}`,
        ...phases.map((phase) => phase in milliseconds ? figures(milliseconds[phase]) : "-"),
        figures(megabytes),
      ]),
    ]);
  }
}
