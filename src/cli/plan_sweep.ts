import { basename, dirname, join, resolve } from "node:path";
import { InputError } from "../errors.ts";
import { planRows } from "../experiment/comparison/plan.ts";
import type { Row } from "../experiment/comparison/rows.ts";
import { readJson } from "../experiment/json.ts";
import type { Override } from "../experiment/overrides.ts";
import { parseSweep, type Part, type Sweep } from "../experiment/sweep/sweep_file.ts";
import { loadConfig } from "../host/load_config.ts";
import { materialsOpener } from "./materials_opener.ts";
import { type ComparisonPlan, type Job, planJobs } from "./run_jobs.ts";
import type { Terminal } from "./terminal.ts";

/** One comparison of a sweep, and its runs. */
export interface PlannedComparison {
  /** As lines name it: the configuration, and what of the grid. */
  readonly name: string;
  readonly plan: ComparisonPlan;
  readonly jobs: readonly Job[];
}

/** Where a sweep's files and images are. */
export interface SweepPlace {
  readonly file: string;
  /** Folder of all comparisons. */
  readonly out: string;
  /** Keys that the command line changes, of all runs. */
  readonly overrides: readonly Override[];
  readonly dataRoot: string;
  readonly cacheDir: string;
  readonly commit: string | null;
}

/** Reads a sweep file. @throws {InputError} */
function readSweep(file: string): Sweep {
  try {
    return parseSweep(readJson(Deno.readFileSync(file), file), file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      `Cannot read the sweep ${file}: ${(error as Error).message}; configs/sweeps/ holds examples`,
    );
  }
}

/**
 * Settles all runs of a sweep: a folder for each configuration and, where the grid needs comparisons of their own, for
 * each of its combinations, with the runs below. Every configuration is resolved and checked.
 *
 * @throws {InputError}
 */
export async function planSweep(
  place: SweepPlace,
  terminal: Terminal,
): Promise<PlannedComparison[]> {
  const sweep = readSweep(place.file);
  const comparisons: PlannedComparison[] = [];
  const names = new Set<string>();
  for (const config of sweep.configs) {
    const path = resolve(dirname(place.file), config);
    const name = basename(config).replace(/\.json$/, "");
    if (names.has(name)) {
      throw new InputError(
        `Cannot use the sweep ${place.file}: two configurations are called ${name}; rename a file`,
      );
    }
    names.add(name);
    for (const part of sweep.parts) {
      comparisons.push(await planComparison(sweep, part, path, name, place, terminal));
    }
  }
  terminal.live("");
  return comparisons;
}

async function planComparison(
  sweep: Sweep,
  part: Part,
  path: string,
  configName: string,
  place: SweepPlace,
  terminal: Terminal,
): Promise<PlannedComparison> {
  const name = part.name === "" ? configName : `${configName} ${part.name}`;
  const out = join(place.out, configName, ...part.name === "" ? [] : [part.name]);
  const load = (overrides: readonly Override[]) =>
    loadConfig(path, [...sweep.shared, ...part.overrides, ...place.overrides, ...overrides]);
  const rows = sweep.rows === null ? sweep.points : await planRows(sweep.rows, {
    ...{ load, open: materialsOpener(place, terminal), seeds: sweep.seeds },
  });
  // Keys of the command line are of all runs, whatever a row says; else it would be a row no more.
  refuseOverridden(rows, place);
  const { seeds } = sweep;
  const jobs = await planJobs(rows, { seeds, out, name: `${name}: `, load, weigh: () => 1 });
  const { commit } = place;
  return { name, plan: { out, rows, seeds, config: configName, commit }, jobs };
}

function refuseOverridden(rows: readonly Row[], { file, overrides }: SweepPlace): void {
  for (const { path } of overrides) {
    const row = rows.find((row) => row.overrides.some((other) => other.path === path));
    if (row) {
      throw new InputError(
        `Cannot use --set ${path}: the row ${row.name} of ${file} sets it; leave --set out`,
      );
    }
  }
}
