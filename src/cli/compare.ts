import type { ProviderName } from "../gpu/provider.ts";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { InputError } from "../errors.ts";
import {
  type ComparedRun,
  compareRuns,
  type Comparison,
  comparisonCsv,
} from "../experiment/comparison/results.ts";
import { type PlannedRow, planRows } from "../experiment/comparison/plan.ts";
import type { Variation } from "../experiment/comparison/variations.ts";
import { measureSpeed, secondsFor } from "../experiment/comparison/speed.ts";
import { comparisonTable } from "../experiment/comparison/table.ts";
import { resolveConfig } from "../experiment/config.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import { loadConfig } from "../host/load_config.ts";
import { writing } from "../host/durable.ts";
import { openGpu } from "../host/open_gpu.ts";
import { launch } from "../host/launch.ts";
import { readLog } from "../host/log.ts";
import { openMaterials } from "../host/open_materials.ts";
import type { Override } from "../experiment/overrides.ts";
import {
  createRunFolder,
  isFinished,
  readConfig,
  readSummary,
  runFolder,
  writeJson,
} from "../host/run_folder.ts";
import { isLocked, LOCKED } from "../host/run_lock.ts";
import type { Summary } from "../experiment/summary.ts";
import { environment } from "./environment.ts";
import { readComparison } from "./known_results.ts";
import { duration } from "./duration.ts";
import { progressPrinter } from "./progress.ts";
import { type Stop, stopOnSignals } from "./stop.ts";
import type { Terminal } from "./terminal.ts";
import { type SafetyOptions, TIME_IS_UP, type TrainOptions } from "./train.ts";

/** `wscl compare`, in plain values. */
export interface CompareOptions
  extends SafetyOptions, Pick<TrainOptions, "config" | "dataRoot" | "cacheDir" | "overrides"> {
  readonly seeds: readonly number[];
  /** Names of rows or groups of rows. */
  readonly rows: readonly string[];
  /** Rows of the user's own, behind these. */
  readonly variations: readonly Variation[];
  /** Folder of all runs and of the table. */
  readonly out?: string;
  /** Say what would be run and how long it takes, and run nothing. */
  readonly plan: boolean;
  readonly endsProcess?: TrainOptions["endsProcess"];
  /** Replaced in tests. */
  readonly worker?: TrainOptions["worker"];
  /** Images per second; measured unless given. Replaced in tests. */
  readonly speed?: number;
}

/** How often a process that has nothing left to do looks whether the others have finished theirs. */
const POLL = 2000;

/** One run of a comparison. */
interface Job {
  readonly row: PlannedRow;
  readonly seed: number;
  /** Below the comparison's folder. */
  readonly folder: string;
  readonly config: ExperimentConfig;
}

/**
 * Trains every row of a comparison with every seed, each in a folder of its own, and prints the table. Finished runs
 * are not run again, interrupted ones are gone on with, and runs that another process is busy with are left to it:
 * several processes may share a folder, on one machine or, where locks reach, on several.
 *
 * @returns the exit code: 75 where the time was up.
 */
export async function compare(options: CompareOptions, terminal: Terminal): Promise<number> {
  const load = (overrides: readonly Override[]) =>
    loadConfig(options.config, [...options.overrides, ...overrides]);
  const config = await load([]);
  const out = options.out ?? join("runs", `${config.name}-compare`);
  const note = (text: string) => terminal.live(text);
  // Every row opens the images once more, and would say the same of them.
  const told = new Set<string>();
  const open = async (config: ExperimentConfig) =>
    await openMaterials(config, {
      dataRoot: options.dataRoot,
      cacheDir: options.cacheDir,
      progress: (_done, _total, what) => note(what),
      warn: (text) => {
        if (!told.has(text)) terminal.print(text);
        told.add(text);
      },
    });
  const rows = await planRows(options.rows, {
    ...{ load, open },
    ...{ seeds: options.seeds, variations: options.variations },
  });
  terminal.live("");
  const jobs = await planJobs(rows, options.seeds, out, load);
  const about = {
    config: config.name,
    seeds: options.seeds,
    commit: environment("WSCL_COMMIT") || null,
  };
  const speed = options.speed ?? await speedHere(config, options.provider);
  terminal.print(describePlan(rows, jobs, out, speed));
  if (options.plan) return 0;

  const stop = stopOnSignals((text) => terminal.print(text));
  try {
    const soFar = () => {
      const comparison = collect(rows, jobs, out, about);
      writeComparison(out, comparison);
      return comparison;
    };
    const code = await runJobs(jobs, out, speed, options, stop, terminal, soFar);
    const comparison = soFar();
    const finished = jobs.filter(({ folder }) => isFinished(join(out, folder))).length;
    if (finished > 0) terminal.print(`\n${comparisonTable(comparison)}`);
    terminal.print(`\nwritten: ${join(out, "comparison.json")}`);
    if (finished < jobs.length) {
      terminal.print(
        `${finished} of ${jobs.length} runs are finished; go on with the same command`,
      );
    }
    return code;
  } finally {
    terminal.live("");
    stop.release();
  }
}

async function planJobs(
  rows: readonly PlannedRow[],
  seeds: readonly number[],
  out: string,
  load: (overrides: readonly Override[]) => Promise<ExperimentConfig>,
): Promise<Job[]> {
  const jobs: Job[] = [];
  // Seed by seed, so that what is there at any time can be compared.
  for (const seed of seeds) {
    for (const row of rows) {
      const config = await load([...row.overrides, { path: "seed", value: seed }]);
      const job = { row, seed, folder: `${row.name}-${seed}`, config };
      checkFolder(job, out);
      jobs.push(job);
    }
  }
  return jobs;
}

/** A folder that is there must be of the same run, or its numbers would be of something else. */
function checkFolder({ folder, config }: Job, out: string): void {
  const path = join(out, folder);
  const there = readConfig(path);
  // An earlier version of the program may have written fewer keys.
  if (there === null || isDeepStrictEqual(resolveConfig(there), config)) return;
  throw new InputError(
    `Cannot go on with the comparison in ${out}: ${folder} is of another configuration; ` +
      "choose another folder with --out, or remove that one",
  );
}

/** Images per second through training steps of a configuration on this machine. */
async function speedHere(config: ExperimentConfig, provider?: ProviderName): Promise<number> {
  const gpu = await openGpu({ provider });
  try {
    return await measureSpeed(gpu, config);
  } finally {
    gpu.destroy();
  }
}

function describePlan(
  rows: readonly PlannedRow[],
  jobs: readonly Job[],
  out: string,
  speed: number,
): string {
  const open = jobs.filter(({ folder }) => !isFinished(join(out, folder)));
  const seconds = open.reduce((sum, { row }) => sum + secondsFor(row.images, speed), 0);
  const lines = rows.map(({ name, about, images, overrides }) => {
    const set = overrides.map(({ path, value }) => `${path}=${value}`).join(" ");
    const settings = set === "" ? "" : ` (${set})`;
    return `  ${name.padEnd(22)} ${images.trained.toLocaleString("en-US").padStart(10)} images, ${
      images.dreamt.toLocaleString("en-US")
    } of them dreams: ${about}${settings}`;
  });
  return [
    `comparison     ${rows.length} rows, ${jobs.length} runs in ${out}, ${
      jobs.length - open.length
    } of them finished`,
    ...lines,
    `time           about ${duration(seconds * 1000)} for what is left, at ${
      speed.toFixed(0)
    } images a second; ` +
    "other processes with the same --out share the work",
  ].join("\n");
}

async function runJobs(
  jobs: readonly Job[],
  out: string,
  speed: number,
  options: CompareOptions,
  stop: Stop,
  terminal: Terminal,
  /** Called when a run is done. */
  done: () => void,
): Promise<number> {
  const deadline = options.maxTime === undefined
    ? null
    : performance.timeOrigin + options.maxTime * 1000;
  const isOpen = ({ folder }: Job) => !isFinished(join(out, folder));
  const isFree = (job: Job) => !isLocked(join(out, job.folder));
  let images = 0;
  let seconds = 0;
  for (;;) {
    if (stop.code() !== 0) return stop.code();
    const open = jobs.filter(isOpen);
    if (open.length === 0) return 0;
    if (deadline !== null && Date.now() > deadline) return TIME_IS_UP;
    const job = open.find(isFree);
    if (!job) {
      terminal.live(`${open.length} runs are left to other processes`);
      await new Promise((resolve) => setTimeout(resolve, POLL));
      continue;
    }
    const where = `[${
      jobs.length - open.length + 1
    }/${jobs.length}] ${job.row.name} seed ${job.seed}`;
    if (!terminal.isLive) terminal.print(`${where} ...`);
    const behind = open.filter((other) => other !== job);
    const rate = () => seconds > 0 ? images / seconds : speed;
    const others = () =>
      1000 * behind.reduce((sum, { row }) => sum + secondsFor(row.images, rate()), 0);
    const shown = { terminal, where, others };
    const summary = await runJob(job, shown, out, deadline, options, stop);
    if (summary === null) continue; // another process was faster
    if (!summary.completed) return stop.code() || (summary.stopped === "time" ? TIME_IS_UP : 1);
    done();
    images += job.row.images.trained;
    seconds += summary.seconds;
    const left = jobs.filter(isOpen)
      .reduce((sum, { row }) => sum + secondsFor(row.images, rate()), 0);
    terminal.print(
      `${where}: Class-IL ${percent(summary.classIl.finalAverage)}, Task-IL ` +
        `${percent(summary.taskIl.finalAverage)}, ${summary.seconds.toFixed(0)} s; about ${
          duration(left * 1000)
        } left`,
    );
  }
}

/** Null where another process has claimed the run meanwhile. */
async function runJob(
  { row, seed, folder, config }: Job,
  { terminal, where, others }: {
    readonly terminal: Terminal;
    /** Which run of how many. */
    readonly where: string;
    /** Milliseconds that those behind it will take. */
    readonly others: () => number;
  },
  out: string,
  deadline: number | null,
  options: CompareOptions,
  stop: Stop,
): Promise<Summary | null> {
  const path = join(out, folder);
  const resume = readConfig(path) !== null;
  // Of a run only where it is, since there are many.
  const { isLive, event: take } = terminal;
  const live: Terminal = {
    isLive,
    print: () => {},
    live: (shown) => terminal.live(shown),
    ...take
      ? { event: (event: object) => take({ row: row.name, seed, folder: path, ...event }) }
      : {},
  };
  const { provider, checkpointEvery, skipSelfTest, skipTuning, worker, endsProcess } = options;
  const { dataRoot, cacheDir } = options;
  if (isFinished(path)) return null;
  try {
    if (!resume) createRunFolder(path);
    return await launch(config, {
      ...{ dataRoot, cacheDir, out: path, init: null },
      ...{ provider, resume, checkpointEvery, skipSelfTest, skipTuning, deadline },
      ...{ signal: stop.signal, worker, endsProcess },
      tells: { plan: isLive || take !== undefined },
      onEvent: progressPrinter(live, {
        ...{ tasks: config.data.tasks, title: where, others },
        before: resume ? readLog(runFolder(path).log) : [],
      }),
    });
  } catch (error) {
    const taken = error instanceof InputError &&
      (isFinished(path) || error.message.includes(LOCKED));
    if (!taken) throw error;
    return null;
  }
}

function collect(
  rows: readonly PlannedRow[],
  jobs: readonly Job[],
  out: string,
  about: Pick<Comparison, "config" | "seeds" | "commit">,
): Comparison {
  const runs = new Map<string, ComparedRun[]>();
  for (const { row, seed, folder } of jobs) {
    const path = join(out, folder);
    if (!isFinished(path)) continue;
    runs.set(row.name, [...runs.get(row.name) ?? [], { seed, folder, summary: readSummary(path) }]);
  }
  return compareRuns(rows, runs, about, readComparison(join(out, "comparison.json")));
}

function writeComparison(out: string, comparison: Comparison): void {
  Deno.mkdirSync(out, { recursive: true });
  writeJson(join(out, "comparison.json"), comparison);
  const csv = join(out, "comparison.csv");
  writing(csv, () => {
    Deno.writeTextFileSync(`${csv}.part`, comparisonCsv(comparison));
    Deno.renameSync(`${csv}.part`, csv);
  });
}

function percent(value: number | null): string {
  return value === null ? "-" : `${value.toFixed(1)} %`;
}
