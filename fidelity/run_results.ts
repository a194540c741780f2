import type { Results } from "../src/experiment/learn_tasks.ts";
import { summarizeMatrix } from "../src/experiment/metrics.ts";
import { bestCandidate, freezingScore } from "../src/method/freezing_score.ts";
import type { Comparison } from "./comparison.ts";
import type { Json } from "./official_recording.ts";
import type { RecordedRun } from "./recorded_run.ts";

/** A score has two decimals: rounding may turn a tiny difference into one step of the last. */
const SCORE_LIMIT = 0.0101;

/** Heads, freezing, accuracies and metrics at the end of a run, with the recorded ones. */
export function compareResults(comparison: Comparison, run: RecordedRun, results: Results): void {
  const { classIl, taskIl, heads } = results;
  const { json } = run.recording;
  run.tasks.forEach((task: Json, t: number) => {
    comparison.same("heads", `task ${t}`, heads[t].heads, task.heads);
    if (task.freezing?.candidates) compareFreezing(comparison, run, t, results);
  });
  for (const [measured, key] of [[classIl, "class_il"], [taskIl, "task_il"]] as const) {
    for (const evaluation of json.evaluations ?? []) {
      const { kind, task } = evaluation;
      const expected: number[] = evaluation[key];
      const found = kind === "baseline"
        ? measured.baseline
        : kind === "before_task"
        ? [measured.beforeTraining[task - 1]]
        : measured.matrix[task];
      const shown = expected.slice(0, kind === "baseline" ? run.tasks.length : expected.length);
      comparison.close("accuracies", `${kind} ${task}`, found, shown, 1e-6);
    }
  }
  if (!json.metrics || run.tasks.length < run.official.tasks) return;
  for (const [measured, suffix] of [[classIl, ""], [taskIl, "_mask_classes"]] as const) {
    const { backwardTransfer, forwardTransfer, forgetting } = summarizeMatrix(measured, "official");
    const expected = ["bwt", "fwt", "forgetting"].map((key) => json.metrics[key + suffix]);
    const found = [backwardTransfer, forwardTransfer, forgetting];
    comparison.close("BWT, FWT, forgetting", `accuracies${suffix}`, found, expected, 1e-6);
  }
}

function compareFreezing(
  comparison: Comparison,
  run: RecordedRun,
  t: number,
  { freezing }: Results,
): void {
  const search = run.tasks[t].freezing;
  const { candidates, chosen } = freezing.find(({ task }) => task === t)!;
  const official = search.candidates.map((candidate: Json) => candidate.official_loss);
  const scores = candidates.map(({ loss }) => loss);
  comparison.close("scores", `task ${t}`, scores, official, SCORE_LIMIT);
  const winner = candidates.findIndex(({ frozen }) => frozen === chosen);
  comparison.same("winners", `task ${t}`, [winner], [search.winner]);
  const mode = run.official.freezing ?? "training_and_buff";
  const recorded = search.candidates.map(({ val_eval, buffer_eval }: Json) =>
    freezingScore(
      { validation: lossesOf(val_eval), buffer: lossesOf(buffer_eval) },
      mode,
      "official",
    )
  );
  comparison.close("recorded scores", `task ${t}`, recorded, official, 1e-9);
  comparison.same("winners", `task ${t}`, [bestCandidate(recorded)], [search.winner]);
}

/** Losses of the batches that judged a candidate. */
export function lossesOf(batches: readonly { loss: number }[] | null | undefined): number[] {
  return (batches ?? []).map(({ loss }) => loss);
}
