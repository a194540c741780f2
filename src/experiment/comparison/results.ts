import { csvLine } from "../../text.ts";
import type { Summary } from "../summary.ts";
import type { Row } from "./rows.ts";
import {
  type MeanAndDeviation,
  meanAndDeviation,
  type PairedDifference,
  pairedDifference,
} from "./statistics.ts";

/** What is compared: the numbers of a summary, by their names in the results. */
const measures = {
  classIl: ({ classIl }) => classIl.finalAverage,
  taskIl: ({ taskIl }) => taskIl.finalAverage,
  forgetting: ({ classIl }) => classIl.forgetting,
  forwardTransferClassIl: ({ classIl }) => classIl.forwardTransfer,
  forwardTransferTaskIl: ({ taskIl }) => taskIl.forwardTransfer,
  images: ({ images }) => images,
  seconds: ({ seconds }) => seconds,
} as const satisfies Record<string, (summary: Summary) => number | null>;

/** Name of a measure: accuracies, forgetting and transfer in percent, `images` through training steps, `seconds`. */
export type Measure = keyof typeof measures;

/** One finished run of a comparison. */
export interface ComparedRun {
  readonly seed: number;
  /** Below the comparison's folder. */
  readonly folder: string;
  readonly summary: Summary;
}

/** A row with what its finished runs measured. */
export interface RowResult {
  readonly row: string;
  readonly about: string;
  /** Keys that differ from the configuration. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly runs: readonly ({ readonly seed: number } & Readonly<Record<Measure, number | null>>)[];
  /** Over the runs; null where none has it. */
  readonly means: Readonly<Record<Measure, MeanAndDeviation | null>>;
  /** The first row minus this one, over the seeds that both have finished; absent for the first. */
  readonly firstMinusThis?: Readonly<Record<"classIl" | "taskIl", PairedDifference | null>>;
}

/** What `comparison.json` holds. */
export interface Comparison {
  /** Name of the configuration. */
  readonly config: string;
  readonly dataset: string;
  /** Those that were asked for, and those of all runs. */
  readonly seeds: readonly number[];
  readonly adapter: string;
  readonly provider: string;
  readonly denoVersion: string;
  /** Of the program; null where git does not answer. */
  readonly commit: string | null;
  readonly rows: readonly RowResult[];
}

/**
 * Puts the finished runs together; rows without any stay, empty. Rows of an earlier comparison in the same folder that
 * are not asked for now are kept behind them, and set beside the first row as it is now.
 */
export function compareRuns(
  rows: readonly Row[],
  runsOf: ReadonlyMap<string, readonly ComparedRun[]>,
  about: Pick<Comparison, "config" | "seeds" | "commit">,
  earlier: Comparison | null = null,
): Comparison {
  const [first] = [...runsOf.values()].flat();
  const { dataset = "", adapter = "", provider = "deno", denoVersion = "" } = first?.summary ?? {};
  const now = rows.map((row): Pick<RowResult, "row" | "about" | "settings" | "runs"> => ({
    row: row.name,
    about: row.about,
    settings: Object.fromEntries(row.overrides.map(({ path, value }) => [path, value])),
    runs: (runsOf.get(row.name) ?? []).map(({ seed, summary }) => ({ seed, ...measured(summary) })),
  }));
  const names = new Set(rows.map(({ name }) => name));
  const kept = (earlier?.rows ?? []).filter(({ row }) => !names.has(row));
  const all = [...now, ...kept];
  const seeds = new Set([
    ...about.seeds,
    ...all.flatMap(({ runs }) => runs.map(({ seed }) => seed)),
  ]);
  return {
    ...{ ...about, dataset, adapter, provider, denoVersion },
    seeds: [...seeds].sort((a, b) => a - b),
    rows: all.map(({ row, about, settings, runs }, i): RowResult => {
      const means = mapMeasures((measure) =>
        meanAndDeviation(runs.flatMap((run) => run[measure] ?? []))
      );
      const result = { row, about, settings, runs, means };
      if (i === 0) return result;
      const ahead = (measure: Measure) => paired(all[0].runs, runs, measure);
      return { ...result, firstMinusThis: { classIl: ahead("classIl"), taskIl: ahead("taskIl") } };
    }),
  };
}

/** One line a run, for spreadsheets: row, seed and the measures. */
export function comparisonCsv({ rows }: Comparison): string {
  const names = Object.keys(measures) as Measure[];
  const lines = rows.flatMap(({ row, runs }) =>
    runs.map((run) => [row, run.seed, ...names.map((name) => run[name])])
  );
  return [["row", "seed", ...names], ...lines].map((line) => `${csvLine(line)}\n`).join("");
}

/** The measures of a summary. */
export function measured(summary: Summary): Record<Measure, number | null> {
  return mapMeasures((measure) => measures[measure](summary));
}

function mapMeasures<T>(value: (measure: Measure) => T): Record<Measure, T> {
  const names = Object.keys(measures) as Measure[];
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Measure, T>;
}

/** The first runs minus the second ones, over the seeds that both have measured. */
export function paired(
  firsts: RowResult["runs"],
  seconds: RowResult["runs"],
  measure: Measure,
): PairedDifference | null {
  const ofSeed = new Map(seconds.map((run) => [run.seed, run[measure]]));
  return pairedDifference(firsts.flatMap((run) => {
    const [first, second] = [run[measure], ofSeed.get(run.seed) ?? null];
    return first === null || second === null ? [] : [[first, second] as const];
  }));
}
