import { dirname, join } from "node:path";
import { readDay } from "../continual/day.ts";
import { generationsOf, readGeneration, readLast } from "../continual/generation.ts";
import { parseHistory, withoutLost } from "../continual/record.ts";
import { InputError } from "../errors.ts";
import type { Comparison, RowResult } from "../experiment/comparison/results.ts";
import { decodeGallery, type Gallery } from "../experiment/gallery.ts";
import { readJson } from "../experiment/json.ts";
import { digestLog, type LogDigest } from "../report/log_digest.ts";
import { partOfComparison, partsOfRuns } from "../report/parts.ts";
import type { LearnerPart, Part, RunRecord } from "../report/records.ts";
import { foldersIn } from "../data/folder_listing.ts";
import { isThere, reasonOf } from "./durable.ts";
import { isLearner, LearnerFolder } from "./learner_folder.ts";
import { readLog } from "./log.ts";
import { readConfig, readSummary, runFolder } from "./run_folder.ts";

/** What a report can be about. */
export interface ReportFolders {
  /** Folders of runs, those of comparisons included. */
  readonly runs: readonly string[];
  /** Files of comparisons. */
  readonly comparisons: readonly string[];
  readonly learners: readonly string[];
}

/**
 * Looks what lies in some folders: a run, a learner, a comparison, or, one folder below, runs; else the comparisons of a
 * sweep. The file of a comparison stands for its numbers.
 *
 * @throws {InputError} for a folder that holds none of these.
 */
export function findReportFolders(paths: readonly string[]): ReportFolders {
  const learners = new Set<string>();
  const comparisons = new Set<string>();
  const runs = new Set<string>();
  for (const path of paths) {
    if (isLearner(path)) {
      learners.add(path);
      continue;
    }
    if (isThere(path)) {
      comparisons.add(path);
      continue;
    }
    const found = runsIn(path);
    for (const run of found) runs.add(run);
    const file = join(path, "comparison.json");
    if (isThere(file)) comparisons.add(file);
    else if (found.length === 0) {
      const ofSweep = comparisonsBelow(path, 2);
      if (ofSweep.length === 0) {
        const deeper = folderOfRuns(path, 3);
        throw new InputError(
          `Cannot report on ${path}: no summary.json in it or one folder below; ` +
            (deeper === null
              ? "name the folder of a run that has ended"
              : `runs that have ended are in ${deeper}, name that`),
        );
      }
      for (const folder of ofSweep) {
        comparisons.add(join(folder, "comparison.json"));
        for (const run of runsIn(folder)) runs.add(run);
      }
    }
  }
  return { runs: [...runs], comparisons: [...comparisons], learners: [...learners] };
}

/** Folders of comparisons, at most so many folders below: of a sweep, by configuration and part of the grid. */
function comparisonsBelow(path: string, depth: number): string[] {
  if (isThere(join(path, "comparison.json"))) return [path];
  if (depth === 0) return [];
  return [...Deno.readDirSync(path)].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name).sort()
    .flatMap((name) => comparisonsBelow(join(path, name), depth - 1));
}

/** The first folder that holds runs, at most so many folders below. */
function folderOfRuns(path: string, depth: number): string | null {
  if (runsIn(path).length > 0) return path;
  if (depth === 0) return null;
  for (const name of foldersIn(path)) {
    const found = folderOfRuns(join(path, name), depth - 1);
    if (found !== null) return found;
  }
  return null;
}

function runsIn(path: string): string[] {
  if (isThere(runFolder(path).summary)) return [path];
  let names: string[];
  try {
    names = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  } catch (error) {
    throw new InputError(
      `Cannot report on ${path}: ${
        error instanceof Deno.errors.NotFound
          ? "no such folder; name a run folder or a folder of runs"
          : `${reasonOf(error)}; name a run folder or a folder of runs`
      }`,
    );
  }
  return names.map((name) => join(path, name)).filter((run) => isThere(runFolder(run).summary));
}

/**
 * The same without runs and comparisons that cannot be read, which `warn` is told of.
 *
 * @throws {InputError} of the first, where nothing is left.
 */
export function readableFolders(
  { runs, comparisons, learners }: ReportFolders,
  warn: (text: string) => void,
): ReportFolders {
  const problems: InputError[] = [];
  const readable = (read: (path: string) => void) => (path: string): boolean => {
    try {
      read(path);
      return true;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(error);
      return false;
    }
  };
  const left = {
    runs: runs.filter(readable((path) => readRun(path, warn))),
    comparisons: comparisons.filter(readable(readComparisonFile)),
    learners,
  };
  if (problems.length > 0 && Object.values(left).every(({ length }) => length === 0)) {
    throw problems[0];
  }
  for (const { message } of problems) warn(`left out: ${message}`);
  return left;
}

/**
 * Reads what a report tells of: comparisons first, then runs of none, then learners. What is large, logs and pictures
 * of runs, is read when it is asked for.
 *
 * @param warn is told of what is passed over
 */
export async function readParts(
  { runs, comparisons, learners }: ReportFolders,
  warn: (text: string) => void,
): Promise<Part[]> {
  const inComparison = new Set<string>();
  const compared = comparisons.map((file) => {
    const path = dirname(file);
    return partOfComparison(file, readComparisonFile(file), (folder) => {
      const run = join(path, folder);
      if (!runs.includes(run)) return null;
      inComparison.add(run);
      return readRun(run, warn);
    });
  });
  const others = runs.filter((run) => !inComparison.has(run)).map((run) => readRun(run, warn));
  const kept: LearnerPart[] = [];
  for (const path of learners) kept.push(await readLearner(path, warn));
  return [...compared, ...others.length > 0 ? partsOfRuns(others) : [], ...kept];
}

/**
 * Reads what a comparison found.
 *
 * @throws {InputError} for a file that is something else, or a comparison of which no run has ended.
 */
export function readComparisonFile(file: string): Comparison {
  const comparison = readJson(Deno.readFileSync(file), file) as Partial<Comparison> | null;
  const { rows, seeds } = Object(comparison) as Partial<Comparison>;
  const isRow = (row: Partial<RowResult> | null) =>
    typeof row?.row === "string" && Array.isArray(row.runs);
  if (!Array.isArray(rows) || !Array.isArray(seeds) || !rows.every(isRow)) {
    throw new InputError(
      `Cannot report on ${file}: it is no comparison; name a comparison.json, or a folder`,
    );
  }
  if (rows.every(({ runs }) => runs.length === 0)) {
    throw new InputError(
      `Cannot report on ${file}: no run of the comparison has ended; go on with it by ./wscl compare`,
    );
  }
  return comparison as Comparison;
}

/** Folders in which the runs of a comparison lie, as long as they are there. */
export function runsOfComparison(file: string, { rows }: Comparison): string[] {
  return rows.flatMap(({ row, runs }) =>
    runs.map(({ seed }) => join(dirname(file), `${row}-${seed}`))
  );
}

function readRun(path: string, warn: (text: string) => void): RunRecord {
  const folder = runFolder(path);
  const config = readConfig(path);
  return {
    path,
    summary: readSummary(path),
    config: typeof config === "object" ? config : null,
    origin: isThere(folder.run)
      ? readJson(Deno.readFileSync(folder.run), folder.run) as RunRecord["origin"]
      : null,
    log: once(() => readDigest(folder.log, warn)),
    gallery: once(() => readGallery(folder.gallery, warn)),
  };
}

function once<T>(read: () => T): () => T {
  let found: { readonly value: T } | null = null;
  return () => (found ??= { value: read() }).value;
}

function readDigest(path: string, warn: (text: string) => void): LogDigest | null {
  if (!isThere(path)) return null;
  return digestLog(readLog(path, {
    passedOver: (lines) => {
      const are = lines === 1 ? "1 line is no event" : `${lines} lines are no events`;
      warn(`Passed over in ${path}: ${are}`);
    },
  }));
}

function readGallery(path: string, warn: (text: string) => void): Gallery | null {
  if (!isThere(path)) return null;
  try {
    const gallery = decodeGallery(Deno.readFileSync(path), path);
    if (gallery) return gallery;
    warn(`${path} does not hold pictures as they were written; passed over`);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    warn(`${error.message}; passed over`);
  }
  return null;
}

async function readLearner(path: string, warn: (text: string) => void): Promise<LearnerPart> {
  const store = new LearnerFolder(path);
  const { found } = await readLast(store, (name) => readGeneration(store, name), warn);
  const { state, memory, exam } = found;
  const { settings: { size }, taken } = state;
  const damaged = (_: string, problem: string) => warn(problem);
  const day = await readDay(store, size, { after: taken, until: Infinity, damaged });
  return {
    kind: "learner",
    path,
    state,
    nights: withoutLost(parseHistory(await store.lines(), warn)),
    memory,
    exam,
    generations: await generationsOf(store),
    waiting: [...Map.groupBy(day, ({ label }) => label)].map(([name, { length }]) => [
      name,
      length,
    ]),
  };
}
