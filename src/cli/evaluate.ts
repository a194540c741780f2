import { evaluateRun } from "../host/evaluate_run.ts";
import { mean } from "../experiment/metrics.ts";
import { textTable } from "../experiment/report.ts";
import { readSummary } from "../host/run_folder.ts";
import type { ProviderName } from "../gpu/provider.ts";
import type { Terminal } from "./terminal.ts";

/** `wscl evaluate RUN`, in plain values. */
export interface EvaluateOptions {
  readonly dataRoot: string;
  readonly cacheDir: string;
  readonly provider: ProviderName;
}

/** Evaluates the saved model of a run again, beside what the run itself had measured last. */
export async function evaluate(
  run: string,
  options: EvaluateOptions,
  terminal: Terminal,
): Promise<void> {
  const { classIl: storedClassIl, taskIl: storedTaskIl } = readSummary(run);
  const { classIl, taskIl } = await evaluateRun(run, options);
  const percent = (value: number | null | undefined) =>
    typeof value === "number" ? value.toFixed(2) : "-";
  const rows = classIl.map((_, task) => [
    `task ${task + 1}`,
    percent(classIl[task]),
    percent(storedClassIl.matrix.at(-1)?.[task]),
    percent(taskIl[task]),
    percent(storedTaskIl.matrix.at(-1)?.[task]),
  ]);
  const average = [
    "average",
    percent(mean(classIl)),
    percent(storedClassIl.finalAverage),
    percent(mean(taskIl)),
    percent(storedTaskIl.finalAverage),
  ];
  const header = ["", "Class-IL %", "in the run", "Task-IL %", "in the run"];
  terminal.print(textTable([header, ...rows, average], 1));
}
