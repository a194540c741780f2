import { join } from "node:path";
import type { ClassItem } from "../images/source.ts";
import { InputError } from "../errors.ts";
import { listCheckpoints } from "./checkpoint_files.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import { reasonOf, removeIfThere, replaceFile } from "./durable.ts";
import { readJson } from "../experiment/json.ts";
import { lockRunFolder } from "./run_lock.ts";
import type { Summary } from "../experiment/summary.ts";
import { summaryProblem } from "../experiment/summary_schema.ts";
import type { RunPaths, RunPlace } from "./worker_messages.ts";
import { quotedPath } from "../text.ts";

/** Where the files of a run lie. */
export interface RunFolder {
  /** The folder itself. */
  readonly path: string;
  /** `config.json`: the configuration, as resolved. */
  readonly config: string;
  /** `run.json`: where data and initial weights came from. */
  readonly run: string;
  /** `checkpoints/`: a folder each. */
  readonly checkpoints: string;
  /** `log.jsonl`: an event per line. */
  readonly log: string;
  /** `model.safetensors`: the weights when the run ended. */
  readonly model: string;
  /** `gallery.safetensors`: some of what it remembers, dreamt of and was misled by, to be looked at. */
  readonly gallery: string;
  /** `summary.json`: written last. */
  readonly summary: string;
  /** `tensorboard/`: event files, where they were asked for. */
  readonly tensorboard: string;
}

/** The files of a run, by their agreed names. */
export function runFolder(path: string): RunFolder {
  return {
    path,
    config: join(path, "config.json"),
    run: join(path, "run.json"),
    checkpoints: join(path, "checkpoints"),
    log: join(path, "log.jsonl"),
    model: join(path, "model.safetensors"),
    gallery: join(path, "gallery.safetensors"),
    summary: join(path, "summary.json"),
    tensorboard: join(path, "tensorboard"),
  };
}

/** `runs/NAME-SEED` */
export function defaultRunPath(config: Pick<ExperimentConfig, "name" | "seed">): string {
  return join("runs", `${config.name}-${config.seed}`);
}

/** What to type to go on with a run. */
export function resumeCommand({ out, provider }: Pick<RunPaths, "out"> & RunPlace): string {
  return `./wscl train --resume ${quotedPath(out)}${provider === "dawn" ? " --provider dawn" : ""}`;
}

/**
 * Makes the folder. One that holds a finished run, or one that can be gone on with, is refused unless
 * `overwrite` is given; what else an unfinished run left is replaced.
 */
export function createRunFolder(path: string, { overwrite = false } = {}): RunFolder {
  const folder = runFolder(path);
  const refuse = (error: unknown): never => {
    throw new InputError(
      `Cannot make the folder ${path}: ${reasonOf(error)}; choose another with --out`,
    );
  };
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    refuse(error);
  }
  // First, since a run that goes on is neither to be resumed nor replaced.
  using _lock = lockRunFolder(path);
  if (!overwrite && holdsFinishedRun(folder)) {
    throw new InputError(
      `Cannot use the folder ${path}: it holds a finished run; ` +
        "choose another with --out or --seed, or replace it with --overwrite",
    );
  }
  if (!overwrite && listCheckpoints(folder.checkpoints).length > 0) {
    throw new InputError(
      `Cannot use the folder ${path}: it holds an unfinished run; go on with it by --resume ${
        quotedPath(path)
      }, ` +
        "choose another folder with --out or --seed, or replace it with --overwrite",
    );
  }
  try {
    const { summary, gallery, model, checkpoints, tensorboard } = folder;
    for (const old of [summary, gallery, model, checkpoints, tensorboard]) removeIfThere(old);
  } catch (error) {
    refuse(error);
  }
  return folder;
}

/** Writes indented JSON so that a reader sees the old file or the new one, never a part. */
export function writeJson(path: string, value: unknown): void {
  replaceFile(path, JSON.stringify(value, null, 2) + "\n");
}

/** The same with lists of numbers on a line each: a confusion matrix is read by row. */
export function writeSummary(path: string, summary: Summary): void {
  const text = JSON.stringify(summary, null, 2);
  // A text of JSON has no line breaks, so what is matched is no part of one.
  const lists = /\[\n\s*(?:(?:null|-?\d[\d.eE+-]*),?\n\s*)+\]/g;
  const folded = text.replace(lists, (list) => list.replace(/\s+/g, " "));
  replaceFile(path, folded + "\n");
}

/** Where a run's data and initial weights came from, as `run.json` has it. */
export interface RunOrigin {
  /** Folder in which data sets are found. */
  readonly dataRoot: string;
  /** Weights that the run started from, or null. */
  readonly init: string | null;
  /** `data.train.classes` as it was written, which `config.json` has by name; undefined where there is none. */
  readonly classes?: readonly ClassItem[] | null;
  /** Files of kernels of one's own; undefined where there are none. */
  readonly kernels?: readonly string[];
}

/** {@linkcode RunOrigin.classes}; undefined also where the folder has no `run.json`. */
export function readClassesGiven(path: string): RunOrigin["classes"] {
  const file = runFolder(path).run;
  try {
    return (readJson(Deno.readFileSync(file), file) as Partial<RunOrigin> | null)?.classes;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Reads `run.json` of a run that is to go on. */
export function readOrigin(path: string): RunOrigin {
  const file = runFolder(path).run;
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(file);
  } catch (error) {
    throw new InputError(
      `Cannot resume ${path}: ${
        error instanceof Deno.errors.NotFound
          ? "it has no run.json; name the folder of a run, or start one with --config"
          : `${reasonOf(error)}; name the folder of a run`
      }`,
    );
  }
  const origin = readJson(bytes, file) as Partial<RunOrigin> | null;
  const isInit = origin?.init === null || typeof origin?.init === "string";
  if (typeof origin?.dataRoot !== "string" || !isInit) {
    throw new InputError(
      `Cannot resume ${path}: run.json has no dataRoot or no init; start the run anew`,
    );
  }
  return origin as RunOrigin;
}

/** Reads `summary.json` of a run. */
export function readSummary(path: string): Summary {
  const file = runFolder(path).summary;
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(file);
  } catch (error) {
    throw new InputError(
      `Cannot read run ${path}: ${
        error instanceof Deno.errors.NotFound
          ? "it has no summary.json; name the folder of a run that has ended"
          : `${reasonOf(error)}; name the folder of a run`
      }`,
    );
  }
  const summary = readJson(bytes, file) as Partial<Summary> | null;
  if (typeof summary?.method !== "string" || !summary.classIl || !summary.taskIl) {
    throw new InputError(
      `Cannot read run ${path}: summary.json has no method, classIl or taskIl; ` +
        "name a folder written by train or demo",
    );
  }
  const problem = summaryProblem(summary);
  if (problem !== null) {
    throw new InputError(
      `Cannot read run ${path}: summary.json is not as a run writes it (${problem}); ` +
        "name another folder, or run it again",
    );
  }
  return { provider: "deno", images: 0, ...summary } as Summary;
}

/** The configuration with which a run was started, `config.json` with the classes as written; null without one. */
export function readConfig(path: string): unknown {
  const file = runFolder(path).config;
  try {
    const config = readJson(Deno.readFileSync(file), file) as { data?: { train?: object } } | null;
    const classes = readClassesGiven(path);
    if (classes === undefined || !config?.data?.train) return config;
    return { ...config, data: { ...config.data, train: { ...config.data.train, classes } } };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (error instanceof InputError) throw error;
    throw new InputError(`Cannot read ${file}: ${reasonOf(error)}; choose another folder`);
  }
}

/** Whether the folder's run came to its end. */
export function isFinished(path: string): boolean {
  return holdsFinishedRun(runFolder(path));
}

function holdsFinishedRun(folder: RunFolder): boolean {
  try {
    const { summary } = folder;
    const bytes = Deno.readFileSync(summary);
    // A machine that lost its power may have kept the name of a file and not its bytes.
    if (bytes.length === 0) return false;
    return (readJson(bytes, summary) as Partial<Summary>).completed !== false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    return true; // something is there that this program does not understand
  }
}
