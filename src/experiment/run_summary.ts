import { adapterName, type Gpu } from "../gpu/device.ts";
import { isOwnMethod, methodOf } from "../method/methods.ts";
import { accuracySummary } from "./accuracy_summary.ts";
import type { ExperimentConfig } from "./config_types.ts";
import type { Results } from "./learn_tasks.ts";
import type { RunHost } from "./run_host.ts";
import type { Interrupted } from "./run_limits.ts";
import type { Confusion, Summary } from "./summary.ts";

/** What a run knows of itself beside its configuration and its results. */
export interface RunFacts {
  /** Name of the data set; empty before it is there. */
  readonly dataset: string;
  readonly seconds: number;
  readonly steps: number;
  /** Images through training steps. */
  readonly rows: number;
  /** Null before it is opened. */
  readonly gpu: Gpu | null;
  readonly runtime: RunHost["runtime"];
  /** Those of one's own. */
  readonly kernels: Summary["kernels"];
  /** What the long-term memory holds; null where there is none. */
  readonly remembered: Summary["remembered"] | null;
  /** Names of dream classes by head; null where no images are dreamt of. */
  readonly dreams: Summary["dreams"] | null;
  /** What ended it before its end, if anything did. */
  readonly stopped: Interrupted["reason"] | null;
}

/** The content of `summary.json`. */
export function summarize(config: ExperimentConfig, results: Results, facts: RunFacts): Summary {
  const { rows, stopped, gpu, runtime } = facts;
  const completed = stopped === null;
  const confusion = confusionOf(results);
  return {
    method: methodName(config),
    schedule: config.method === "wscl" ? config.wscl.schedule : null,
    precision: config.precision,
    dataset: facts.dataset,
    seed: config.seed,
    tasks: config.data.tasks,
    classIl: accuracySummary(results.classIl, config, completed),
    taskIl: accuracySummary(results.taskIl, config, completed),
    freezing: results.freezing,
    heads: results.heads,
    ...(results.labels.length > 0 ? { labels: results.labels } : {}),
    ...(confusion ? { confusion } : {}),
    ...(facts.remembered ? { remembered: facts.remembered } : {}),
    ...(facts.dreams ? { dreams: facts.dreams } : {}),
    samplesPerSecond: results.trainingSeconds > 0 ? rows / results.trainingSeconds : 0,
    images: rows,
    steps: facts.steps,
    seconds: facts.seconds,
    adapter: gpu ? adapterName(gpu.adapter) : "",
    provider: runtime.provider,
    denoVersion: runtime.denoVersion,
    ...(facts.kernels ? { kernels: facts.kernels } : {}),
    completed,
    ...(stopped ? { stopped } : {}),
  };
}

/** A method of one's own has the name that its module gives it, once that has been loaded. */
function methodName({ method }: ExperimentConfig): string {
  return isOwnMethod(method) ? methodOf({ method }).name : method;
}

/** Null before anything is evaluated. */
function confusionOf({ heads: assigned, answers }: Results): Confusion | null {
  if (answers.length === 0) return null;
  // A run that was stopped in a task has given heads to classes that were never asked for.
  const heads = assigned.flatMap(({ heads }) => heads).slice(0, answers.length);
  const classes = assigned.flatMap(({ classes }) => classes).slice(0, answers.length);
  const counts = answers.map((row) => heads.map((head) => row[head]));
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const elsewhere = answers.map((row, i) => sum(row) - sum(counts[i]));
  return { classes, counts, elsewhere };
}

/** Name of the class of each head; null where it has none. */
export function classesByHead(
  { data }: ExperimentConfig,
  { heads }: Pick<Summary, "heads">,
): (string | null)[] {
  const names: (string | null)[] = Array(data.tasks * data.classesPerTask).fill(null);
  for (const { heads: taken, classes } of heads) {
    taken.forEach((head, i) => names[head] = classes[i]);
  }
  return names;
}
