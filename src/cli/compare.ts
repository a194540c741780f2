import type { ProviderName } from "../gpu/provider.ts";
import { join } from "node:path";
import { type PlannedRow, planRows } from "../experiment/comparison/plan.ts";
import type { Variation } from "../experiment/comparison/variations.ts";
import { measureSpeed, secondsFor } from "../experiment/comparison/speed.ts";
import { comparisonTable } from "../experiment/comparison/table.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import { loadConfig } from "../host/load_config.ts";
import { openGpu } from "../host/open_gpu.ts";
import { type Override, overrideText } from "../experiment/overrides.ts";
import { isFinished } from "../host/run_folder.ts";
import { environment } from "./environment.ts";
import { duration } from "./duration.ts";
import { materialsOpener } from "./materials_opener.ts";
import { type Job, planJobs, runJobs, secondsLeft, writeComparison } from "./run_jobs.ts";
import { stopOnSignals } from "./stop.ts";
import type { Terminal } from "./terminal.ts";
import type { SafetyOptions, TrainOptions } from "./train.ts";

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
  const rows = await planRows(options.rows, {
    ...{ load, open: materialsOpener(options, terminal) },
    ...{ seeds: options.seeds, variations: options.variations },
  });
  terminal.live("");
  const jobs = await planJobs(rows, {
    ...{ seeds: options.seeds, out, load },
    weigh: ({ images }) => secondsFor(images, 1),
  });
  const plan = {
    ...{ out, rows, seeds: options.seeds, config: config.name },
    commit: environment("WSCL_COMMIT") || null,
  };
  const speed = options.speed ?? await speedHere(config, options.provider);
  terminal.print(describePlan(rows, jobs, out, speed));
  if (options.plan) return 0;

  const stop = stopOnSignals((text) => terminal.print(text));
  try {
    const code = await runJobs(jobs, {
      ...{ ...options, speed, stop, terminal },
      done: () => writeComparison(plan, jobs),
    });
    const comparison = writeComparison(plan, jobs);
    const finished = jobs.filter(({ folder }) => isFinished(folder)).length;
    if (finished > 0) terminal.print(`\n${comparisonTable(comparison)}`);
    terminal.print(`\nwritten: ${join(out, "comparison.json")} and .csv`);
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
  const open = jobs.filter(({ folder }) => !isFinished(folder));
  const lines = rows.map(({ name, about, images, overrides }) => {
    const set = overrides.map(overrideText).join(" ");
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
    `time           about ${duration(secondsLeft(open, speed)! * 1000)} for what is left, at ${
      speed.toFixed(0)
    } images a second; ` +
    "other processes with the same --out share the work",
  ].join("\n");
}
