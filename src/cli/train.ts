import { InputError } from "../errors.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { RunEvent } from "../experiment/events.ts";
import type { Progress } from "../images/image_set.ts";
import { loadConfig } from "../host/load_config.ts";
import { launch, type LaunchOptions } from "../host/launch.ts";
import { readLog } from "../host/log.ts";
import { TensorBoardFolder } from "../host/tensorboard/folder.ts";
import { methodOf } from "../method/methods.ts";
import type { Override } from "../experiment/overrides.ts";
import { methodLabel, runReport } from "../experiment/report.ts";
import {
  createRunFolder,
  defaultRunPath,
  isFinished,
  readOrigin,
  runFolder,
} from "../host/run_folder.ts";
import type { Summary } from "../experiment/summary.ts";
import type { RunPlace, RunSafety } from "../host/worker_messages.ts";
import { chooseForFolder } from "../host/own_images.ts";
import { readKernelFile } from "../host/own_kernels.ts";
import { type KernelText, readOwnKernels } from "../lab/own_kernel.ts";
import { describeOwn } from "./describe_own.ts";
import { describeConfig } from "./describe_config.ts";
import { progressPrinter } from "./progress.ts";
import { stopOnSignals } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

/** What `wscl train`, `wscl demo` and `wscl train --resume` share. */
export interface SafetyOptions
  extends
    Omit<RunPlace, "kernels">,
    Pick<RunSafety, "checkpointEvery" | "skipSelfTest" | "skipTuning"> {
  /** Seconds that this program may take, from its start on. */
  readonly maxTime?: number;
  /** Files of kernels of one's own; of a run that goes on: where they are now, if not where they were. */
  readonly kernels?: readonly string[];
  /** Writes event files for TensorBoard. */
  readonly tensorboard?: boolean;
}

/** `wscl train` and `wscl demo`, in plain values. */
export interface TrainOptions extends SafetyOptions {
  readonly config: string;
  readonly dataRoot: string;
  readonly cacheDir: string;
  readonly out?: string;
  readonly overrides: readonly Override[];
  readonly init?: string;
  readonly overwrite: boolean;
  readonly endsProcess?: LaunchOptions["endsProcess"];
  /** Replaced in tests. */
  readonly worker?: LaunchOptions["worker"];
}

/** `wscl train --images`, in plain values. */
export interface TrainOwnOptions extends Omit<TrainOptions, "config" | "dataRoot"> {
  /** Folder of class folders, or of `train` and `test` with such. */
  readonly images: string;
  /** A folder of class folders, or `memory` or `none`; default `memory`. */
  readonly dreams?: string;
  readonly classesPerTask?: number;
  readonly size?: number;
  readonly width?: number;
}

/** `wscl train --resume`, in plain values. */
export interface ResumeOptions extends SafetyOptions {
  /** Folder of the run. */
  readonly out: string;
  /** Default: where the run had its data from. */
  readonly dataRoot?: string;
  readonly cacheDir: string;
  readonly endsProcess?: LaunchOptions["endsProcess"];
  /** Replaced in tests. */
  readonly worker?: LaunchOptions["worker"];
}

/** Exit code of a run that was stopped, and saved, because its time was up. */
export const TIME_IS_UP = 75;

/** Trains, printing what will happen, what happens and what came out; returns the exit code. */
export async function train(options: TrainOptions, terminal: Terminal): Promise<number> {
  if (options.init !== undefined) checkReadable(options.init);
  const kernels = readKernels(options.kernels);
  const config = await loadConfig(options.config, options.overrides);
  const out = options.out ?? defaultRunPath(config);
  createRunFolder(out, { overwrite: options.overwrite });

  terminal.print(`configuration  ${options.config}`);
  tellOverrides(options.overrides, terminal);
  terminal.print(describeConfig(config));

  const files = { ...options, init: options.init ?? null, kernels };
  return await trainAndTell(config, out, files, terminal);
}

/** Trains on a folder of images, with a configuration chosen for it, which is told; returns the exit code. */
export async function trainOwn(options: TrainOwnOptions, terminal: Terminal): Promise<number> {
  if (options.init !== undefined) checkReadable(options.init);
  const kernels = readKernels(options.kernels);
  const { images, dreams = "memory", classesPerTask, size, width, overrides, cacheDir } = options;
  const progress: Progress = (done, total, what) => terminal.live(`${what}: ${done} of ${total}`);
  const wishes = { images, dreams, classesPerTask, size, width, overrides };
  const choice = await chooseForFolder(wishes, { cacheDir, progress });
  terminal.live("");
  const { config, dataRoot } = choice;
  const out = options.out ?? defaultRunPath(config);
  createRunFolder(out, { overwrite: options.overwrite });

  terminal.print(`configuration  chosen for ${images}, kept in ${runFolder(out).config}`);
  tellOverrides(overrides, terminal);
  terminal.print(describeOwn(choice));
  return await trainAndTell(
    config,
    out,
    { ...options, dataRoot, init: options.init ?? null, kernels },
    terminal,
  );
}

/** Goes on with a run that was interrupted, with its own configuration, data and weights; returns the exit code. */
export async function resume(options: ResumeOptions, terminal: Terminal): Promise<number> {
  const { out } = options;
  const origin = readOrigin(out);
  const config = await loadConfig(runFolder(out).config);
  if (isFinished(out)) {
    terminal.print(`Nothing to resume: the run in ${out} has come to its end`);
    return 0;
  }
  if (origin.init !== null) checkReadable(origin.init);
  const given = options.kernels?.length ? options.kernels : origin.kernels;
  const kernels = readKernels(given);
  terminal.print(`resuming       ${out}`);
  const where = { dataRoot: options.dataRoot ?? origin.dataRoot, init: origin.init, kernels };
  const files = { ...options, ...where };
  return await trainAndTell(config, out, { ...files, resume: true }, terminal);
}

function tellOverrides(overrides: readonly Override[], terminal: Terminal): void {
  for (const { path, value } of overrides) {
    terminal.print(`set            ${path} = ${JSON.stringify(value)}`);
  }
}

interface Files extends Omit<SafetyOptions, "kernels"> {
  readonly kernels: readonly KernelText[];
  readonly dataRoot: string;
  readonly cacheDir: string;
  readonly init: string | null;
  readonly resume?: boolean;
  readonly endsProcess?: LaunchOptions["endsProcess"];
  readonly worker?: LaunchOptions["worker"];
}

async function trainAndTell(
  config: ExperimentConfig,
  out: string,
  files: Files,
  terminal: Terminal,
): Promise<number> {
  const stop = stopOnSignals((text) => terminal.print(text));
  try {
    const summary = await trainOne(config, out, files, terminal, stop.signal);
    if (stop.code() !== 0) return stop.code();
    if (summary.stopped === "time") return TIME_IS_UP;
    return summary.completed ? 0 : 1;
  } finally {
    terminal.live("");
    stop.release();
  }
}

async function trainOne(
  config: ExperimentConfig,
  out: string,
  { dataRoot, cacheDir, init, kernels, worker, endsProcess, maxTime, ...safetyGiven }: Files,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Summary> {
  const about = { ...config, method: methodOf(config).name, schedule: config.wscl.schedule };
  terminal.print(`\nmethod         ${methodLabel(about)}`);
  terminal.print(`output         ${out}`);
  const show = progressPrinter(terminal, {
    tasks: config.data.tasks,
    before: safetyGiven.resume ? readLog(runFolder(out).log) : [],
  });
  using board = safetyGiven.tensorboard
    ? new TensorBoardFolder(runFolder(out), {
      tasks: config.data.tasks,
      warn: (text) => terminal.print(text),
    })
    : null;
  const onEvent = (event: RunEvent) => {
    board?.observe(event);
    show(event);
  };
  // The time that a job scheduler gives counts from the start of the program.
  const deadline = maxTime === undefined ? null : performance.timeOrigin + maxTime * 1000;
  const { provider, resume, checkpointEvery, skipSelfTest, skipTuning } = safetyGiven;
  const safety = { provider, resume, checkpointEvery, skipSelfTest, skipTuning, deadline };
  const files = { dataRoot, cacheDir, out, init, kernels };
  const watched = terminal.isLive || terminal.event !== undefined;
  const tells = { plan: watched, memory: safetyGiven.tensorboard ?? false };
  const how = { signal, worker, endsProcess, onEvent, tells };
  const summary = await launch(config, { ...files, ...safety, ...how });
  terminal.live("");
  if (summary.completed) terminal.print(`\n${runReport(summary)}\n`);
  // Of a run that was stopped in its first task it is not known.
  const speed = summary.samplesPerSecond;
  terminal.print(
    `${summary.completed ? "done" : "stopped"} after ${summary.seconds.toFixed(1)} s, ` +
      `${summary.steps} steps${speed > 0 ? `, ${speed.toFixed(0)} samples/s` : ""}: ` +
      runFolder(out).summary,
  );
  return summary;
}

/** Reads kernels of one's own, and refuses what is none, before anything is made. */
function readKernels(paths: readonly string[] = []): KernelText[] {
  const texts = paths.map(readKernelFile);
  readOwnKernels(texts);
  return texts;
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
