import { join } from "node:path";
import { InputError } from "../errors.ts";
import { type ExperimentConfig, loadConfig } from "../experiment/config.ts";
import { launch, type LaunchOptions } from "../experiment/launch.ts";
import type { Override } from "../experiment/overrides.ts";
import { methodLabel, methodTable, runReport } from "../experiment/report.ts";
import { createRunFolder, defaultRunPath, runFolder } from "../experiment/run_folder.ts";
import type { Summary } from "../experiment/summary.ts";
import { describeConfig } from "./describe_config.ts";
import { progressPrinter } from "./progress.ts";
import { stopOnSignals } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

/** `wscl train` and `wscl demo`, in plain values. */
export interface TrainOptions {
  readonly config: string;
  readonly dataRoot: string;
  readonly cacheDir: string;
  readonly out?: string;
  readonly overrides: readonly Override[];
  readonly init?: string;
  readonly overwrite: boolean;
  /** Train the baselines and bounds, too, each in a folder of its own. */
  readonly compare: boolean;
  /** Replaced in tests. */
  readonly worker?: LaunchOptions["worker"];
}

/** What `--compare` sets beside the configuration's own method. */
const COMPARED = ["er_ace", "finetune", "joint"] as const;

/** Trains, printing what will happen, what happens and what came out; returns the exit code. */
export async function train(options: TrainOptions, terminal: Terminal): Promise<number> {
  if (options.init !== undefined) checkReadable(options.init);
  const config = await loadConfig(options.config, options.overrides);
  const runs = options.compare
    ? await comparedRuns(config, options)
    : [{ config, out: options.out ?? defaultRunPath(config) }];
  for (const { out } of runs) createRunFolder(out, { overwrite: options.overwrite });

  terminal.print(`configuration  ${options.config}`);
  for (const { path, value } of options.overrides) {
    terminal.print(`set            ${path} = ${JSON.stringify(value)}`);
  }
  terminal.print(describeConfig(config));

  const stop = stopOnSignals((text) => terminal.print(text));
  const summaries: Summary[] = [];
  try {
    for (const run of runs) {
      if (stop.code() === 0) summaries.push(await trainOne(run, options, terminal, stop.signal));
    }
  } finally {
    terminal.live("");
    stop.release();
  }
  if (options.compare) terminal.print(`\n${methodTable(summaries)}`);
  return summaries.every(({ completed }) => completed) ? stop.code() : stop.code() || 1;
}

interface PlannedRun {
  readonly config: ExperimentConfig;
  readonly out: string;
}

async function comparedRuns(
  config: ExperimentConfig,
  { config: path, overrides, out }: TrainOptions,
): Promise<PlannedRun[]> {
  const folder = out ?? `${defaultRunPath(config)}-compare`;
  const methods = [...new Set([config.method, ...COMPARED])];
  return await Promise.all(methods.map(async (method) => ({
    config: await loadConfig(path, [...overrides, { path: "method", value: method }]),
    out: join(folder, method),
  })));
}

async function trainOne(
  { config, out }: PlannedRun,
  { dataRoot, cacheDir, init, worker }: TrainOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Summary> {
  const schedule = config.wscl.schedule;
  terminal.print(`\nmethod         ${methodLabel({ method: config.method, schedule })}`);
  terminal.print(`output         ${out}`);
  const onEvent = progressPrinter(terminal, { tasks: config.data.tasks });
  const files = { dataRoot, cacheDir, out, init: init ?? null };
  const summary = await launch(config, { ...files, signal, worker, onEvent });
  terminal.live("");
  if (summary.completed) terminal.print(`\n${runReport(summary)}\n`);
  terminal.print(
    `${summary.completed ? "done" : "stopped"} after ${summary.seconds.toFixed(1)} s, ` +
      `${summary.steps} steps, ${summary.samplesPerSecond.toFixed(0)} samples/s: ` +
      runFolder(out).summary,
  );
  return summary;
}

function checkReadable(path: string): void {
  try {
    if (Deno.statSync(path).isFile) return;
  } catch {
    // said below
  }
  throw new InputError(
    `Cannot start from ${path}: no such file; name the model.safetensors of a run`,
  );
}
