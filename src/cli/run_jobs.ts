import { join, relative } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { InputError } from "../errors.ts";
import type { ComparedRun } from "../experiment/comparison/results.ts";
import { compareRuns, type Comparison, comparisonCsv } from "../experiment/comparison/results.ts";
import type { Row } from "../experiment/comparison/rows.ts";
import { resolveConfig } from "../experiment/config.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { Override } from "../experiment/overrides.ts";
import type { Summary } from "../experiment/summary.ts";
import { foldersIn, isFolder } from "../data/folder_listing.ts";
import { replaceFile } from "../host/durable.ts";
import { launch, type LaunchOptions } from "../host/launch.ts";
import { readLog } from "../host/log.ts";
import {
  createRunFolder,
  isFinished,
  readConfig,
  readSummary,
  runFolder,
  writeJson,
} from "../host/run_folder.ts";
import { isLocked, LOCKED } from "../host/run_lock.ts";
import { readComparison } from "./known_results.ts";
import { duration } from "./duration.ts";
import { progressPrinter } from "./progress.ts";
import type { Stop } from "./stop.ts";
import type { Terminal } from "./terminal.ts";
import { type SafetyOptions, TIME_IS_UP, type TrainOptions } from "./train.ts";

/** One of several runs, in a folder of its own. */
export interface Job {
  /** As lines name it. */
  readonly name: string;
  readonly row: Row;
  readonly seed: number;
  /** The run's. */
  readonly folder: string;
  readonly config: ExperimentConfig;
  /** How much there is to compute, in units that all jobs share: images, or runs. */
  readonly weight: number;
}

/** What all jobs are run with. */
export type JobOptions =
  & SafetyOptions
  & Pick<TrainOptions, "dataRoot" | "cacheDir" | "endsProcess" | "worker">;

/** How often a process that has nothing left to do looks whether the others have finished theirs. */
const POLL = 2000;

/**
 * The runs of some rows of a comparison, seed by seed, so that what is there at any time can be compared.
 *
 * @param weigh how much there is to compute for a row
 * @throws {InputError} where a folder that is there is of another run.
 */
export async function planJobs<R extends Row>(
  rows: readonly R[],
  { seeds, out, name = "", load, weigh }: {
    readonly seeds: readonly number[];
    readonly out: string;
    /** In front of the rows' names, where there are several comparisons. */
    readonly name?: string;
    readonly load: (overrides: readonly Override[]) => Promise<ExperimentConfig>;
    readonly weigh: (row: R) => number;
  },
): Promise<Job[]> {
  const jobs: Job[] = [];
  for (const seed of seeds) {
    for (const row of rows) {
      const config = await load([...row.overrides, { path: "seed", value: seed }]);
      const job = {
        ...{ row, seed, config, weight: weigh(row) },
        name: `${name}${row.name} seed ${seed}`,
        folder: join(out, `${row.name}-${seed}`),
      };
      checkFolder(job, out);
      jobs.push(job);
    }
  }
  // Runs of these rows with other seeds are part of the comparison, if any are there.
  for (const { row, config } of jobs.slice(0, rows.length)) {
    for (const { seed, folder } of runsOfRow(out, row)) {
      if (!seeds.includes(seed)) checkFolder({ folder, config: { ...config, seed } }, out);
    }
  }
  return jobs;
}

/** The folders in a comparison's that are named as runs of a row, with their seeds. */
function runsOfRow(out: string, { name }: Row): Pick<Job, "seed" | "folder">[] {
  if (!isFolder(out)) return [];
  return foldersIn(out).flatMap((folder) => {
    const seed = folder.startsWith(`${name}-`) ? folder.slice(name.length + 1) : "";
    return /^\d+$/.test(seed) ? [{ seed: Number(seed), folder: join(out, folder) }] : [];
  }).sort((a, b) => a.seed - b.seed);
}

/** A folder that is there must be of the same run, or its numbers would be of something else. */
function checkFolder({ folder, config }: Pick<Job, "folder" | "config">, out: string): void {
  const there = readConfig(folder);
  // An earlier version of the program may have written fewer keys.
  if (there === null || isDeepStrictEqual(resolveConfig(there), config)) return;
  throw new InputError(
    `Cannot go on with the comparison in ${out}: ${relative(out, folder)} is of another ` +
      "configuration; choose another folder with --out, or remove that one",
  );
}

/**
 * Runs all jobs that are not finished. Interrupted ones are gone on with, and those that another process is busy with
 * are left to it. A run that fails keeps none of the others from being run.
 *
 * @param options.speed weight per second before anything has been measured; null: not known
 * @param options.done called when a run is done
 * @returns the exit code: 75 where the time was up, 1 where some have failed.
 * @throws what the first one failed with, where none is finished.
 */
export async function runJobs(
  jobs: readonly Job[],
  { speed, stop, terminal, done, ...options }:
    & JobOptions
    & {
      readonly speed: number | null;
      readonly stop: Stop;
      readonly terminal: Terminal;
      readonly done: () => void;
    },
): Promise<number> {
  const deadline = options.maxTime === undefined
    ? null
    : performance.timeOrigin + options.maxTime * 1000;
  const failures = new Map<Job, unknown>();
  const isOpen = (job: Job) => !failures.has(job) && !isFinished(job.folder);
  const measured = { weight: 0, seconds: 0 };
  for (;;) {
    if (stop.code() !== 0) return stop.code();
    const open = jobs.filter(isOpen);
    if (open.length === 0) {
      if (failures.size === 0) return 0;
      const [[, first]] = failures;
      if (!jobs.some(({ folder }) => isFinished(folder))) throw first;
      for (const [{ name }, error] of failures) {
        terminal.print(`failed: ${name}: ${(error as Error).message}`);
      }
      return 1;
    }
    if (deadline !== null && Date.now() > deadline) return TIME_IS_UP;
    const job = open.find(({ folder }) => !isLocked(folder));
    if (!job) {
      terminal.live(`${open.length} runs are left to other processes`);
      await new Promise((resolve) => setTimeout(resolve, POLL));
      continue;
    }
    const where = `[${jobs.length - open.length - failures.size + 1}/${jobs.length}] ${job.name}`;
    if (!terminal.isLive) terminal.print(`${where} ...`);
    const behind = open.filter((other) => other !== job);
    const pace = () => measured.seconds > 0 ? measured.weight / measured.seconds : speed;
    const others = () => {
      const seconds = secondsLeft(behind, pace());
      return seconds === null ? null : 1000 * seconds;
    };
    const shown = { terminal, title: where, others, about: { row: job.row.name, seed: job.seed } };
    let summary: Summary | null;
    try {
      summary = await runJob(job, { ...options, deadline, signal: stop.signal }, shown);
    } catch (error) {
      failures.set(job, error);
      terminal.print(`${where}: failed: ${(error as Error).message}`);
      continue;
    }
    if (summary === null) continue; // another process was faster
    if (!summary.completed) return stop.code() || (summary.stopped === "time" ? TIME_IS_UP : 1);
    try {
      done();
    } catch (error) {
      // The runs are worth more than their table, which is made again behind the next one.
      terminal.print(`no table yet: ${(error as Error).message}`);
    }
    measured.weight += job.weight;
    measured.seconds += summary.seconds;
    const left = secondsLeft(jobs.filter(isOpen), pace());
    terminal.print(
      `${where}: Class-IL ${percent(summary.classIl.finalAverage)}, Task-IL ` +
        `${percent(summary.taskIl.finalAverage)}, ${summary.seconds.toFixed(0)} s` +
        (left === null ? "" : `; about ${duration(left * 1000)} left`),
    );
  }
}

/** Seconds that some jobs take, at a weight per second; null where that is not known. */
export function secondsLeft(jobs: readonly Job[], speed: number | null): number | null {
  return speed === null ? null : jobs.reduce((sum, { weight }) => sum + weight, 0) / speed;
}

/** Where one of several runs is shown, and how. */
export interface ShownJob {
  readonly terminal: Terminal;
  /** Which run it is. */
  readonly title: string;
  /** Milliseconds that those behind it will take; null: not known. */
  readonly others?: () => number | null;
  /** What is added to its events, beside its folder. */
  readonly about: object;
}

/** Of a run only where it is, since there are many; of its events all. */
function terminalOf({ terminal, about }: ShownJob, folder: string): Terminal {
  const { isLive, event: take } = terminal;
  return {
    isLive,
    print: () => {},
    live: (shown) => terminal.live(shown),
    ...take ? { event: (event: object) => take({ ...about, folder, ...event }) } : {},
  };
}

/** Runs one job, or goes on with it; null where another process has claimed it meanwhile. */
export async function runJob(
  { folder, config }: Pick<Job, "folder" | "config">,
  { dataRoot, cacheDir, provider, checkpointEvery, skipSelfTest, skipTuning, ...options }:
    & Omit<JobOptions, "maxTime">
    & Pick<LaunchOptions, "deadline" | "signal">,
  shown: ShownJob,
): Promise<Summary | null> {
  const { worker, endsProcess, deadline, signal } = options;
  const terminal = terminalOf(shown, folder);
  const { title, others } = shown;
  const resume = readConfig(folder) !== null;
  if (isFinished(folder)) return null;
  try {
    if (!resume) createRunFolder(folder);
    return await launch(config, {
      ...{ dataRoot, cacheDir, out: folder, init: null },
      ...{ provider, resume, checkpointEvery, skipSelfTest, skipTuning, deadline },
      ...{ signal, worker, endsProcess },
      tells: { plan: terminal.isLive || terminal.event !== undefined },
      onEvent: progressPrinter(terminal, {
        ...{ tasks: config.data.tasks, title, others },
        before: resume ? readLog(runFolder(folder).log) : [],
      }),
    });
  } catch (error) {
    const taken = error instanceof InputError &&
      (isFinished(folder) || error.message.includes(LOCKED));
    if (!taken) throw error;
    return null;
  }
}

/** What a comparison is of. */
export interface ComparisonPlan {
  readonly out: string;
  readonly rows: readonly Row[];
  readonly seeds: readonly number[];
  /** Name of the configuration. */
  readonly config: string;
  /** Of the program; null where git does not answer. */
  readonly commit: string | null;
}

/**
 * Puts what is finished of a comparison together, runs of its rows with other seeds that are there as well, and leaves
 * it as `comparison.json` and `comparison.csv` in its folder. `planJobs` has seen that all are of one configuration.
 * Several processes may do so at once: whoever finds that more was finished meanwhile does it again.
 */
export function writeComparison(
  { out, rows, ...about }: ComparisonPlan,
  jobs: readonly Pick<Job, "folder">[],
): Comparison {
  const folders = jobs.map(({ folder }) => folder);
  for (;;) {
    const finished = folders.filter(isFinished).length;
    const compared = new Map(rows.map((row) => [
      row.name,
      runsOfRow(out, row).filter(({ folder }) => isFinished(folder)).map(
        ({ seed, folder }): ComparedRun => ({
          ...{ seed, folder: relative(out, folder) },
          summary: readSummary(folder),
        }),
      ),
    ]));
    const earlier = readComparison(join(out, "comparison.json"));
    const comparison = compareRuns(rows, compared, about, earlier);
    Deno.mkdirSync(out, { recursive: true });
    writeJson(join(out, "comparison.json"), comparison);
    replaceFile(join(out, "comparison.csv"), comparisonCsv(comparison));
    if (folders.filter(isFinished).length === finished) return comparison;
  }
}

function percent(value: number | null): string {
  return value === null ? "-" : `${value.toFixed(1)} %`;
}
