import type { Summary } from "../summary.ts";
import type { PlannedRow } from "./plan.ts";
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
  readonly seeds: readonly number[];
  readonly adapter: string;
  readonly provider: string;
  readonly denoVersion: string;
  /** Of the program; null where git does not answer. */
  readonly commit: string | null;
  readonly rows: readonly RowResult[];
}

/** Puts the finished runs together; rows without any stay, empty. */
export function compareRuns(
  rows: readonly PlannedRow[],
  runsOf: ReadonlyMap<string, readonly ComparedRun[]>,
  about: Pick<Comparison, "config" | "seeds" | "commit">,
): Comparison {
  const [first] = [...runsOf.values()].flat();
  const ofFirst = runsOf.get(rows[0].name) ?? [];
  const { dataset = "", adapter = "", provider = "deno", denoVersion = "" } = first?.summary ?? {};
  return {
    ...about,
    dataset,
    adapter,
    provider,
    denoVersion,
    rows: rows.map((row, i): RowResult => {
      const runs = runsOf.get(row.name) ?? [];
      const each = runs.map(({ seed, summary }) => ({ seed, ...measured(summary) }));
      const result: RowResult = {
        row: row.name,
        about: row.about,
        settings: Object.fromEntries(row.overrides.map(({ path, value }) => [path, value])),
        runs: each,
        means: mapMeasures((measure) =>
          meanAndDeviation(each.flatMap((run) => run[measure] ?? []))
        ),
      };
      if (i === 0) return result;
      return {
        ...result,
        firstMinusThis: {
          classIl: paired(ofFirst, runs, "classIl"),
          taskIl: paired(ofFirst, runs, "taskIl"),
        },
      };
    }),
  };
}

/** One line a run, for spreadsheets: row, seed and the measures. */
export function comparisonCsv({ rows }: Comparison): string {
  const names = Object.keys(measures) as Measure[];
  const lines = rows.flatMap(({ row, runs }) =>
    runs.map((run) => [row, run.seed, ...names.map((name) => run[name] ?? "")].join(","))
  );
  return [["row", "seed", ...names].join(","), ...lines].join("\n") + "\n";
}

function measured(summary: Summary): Record<Measure, number | null> {
  return mapMeasures((measure) => measures[measure](summary));
}

function mapMeasures<T>(value: (measure: Measure) => T): Record<Measure, T> {
  const names = Object.keys(measures) as Measure[];
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Measure, T>;
}

function paired(
  firsts: readonly ComparedRun[],
  seconds: readonly ComparedRun[],
  measure: Measure,
): PairedDifference | null {
  const ofSeed = new Map(seconds.map(({ seed, summary }) => [seed, measures[measure](summary)]));
  return pairedDifference(firsts.flatMap(({ seed, summary }) => {
    const [first, second] = [measures[measure](summary), ofSeed.get(seed)];
    return first === null || second === null || second === undefined
      ? []
      : [[first, second] as const];
  }));
}
