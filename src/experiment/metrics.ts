/** What was measured in a run, accuracies in percent, T tasks. */
export interface RunAccuracies {
  /** `matrix[t][i]`: accuracy on task i after learning task t; row t has t + 1 entries. */
  matrix: readonly (readonly number[])[];
  /** `beforeTraining[t]`: accuracy on task t + 1 before learning it, heads chosen; T - 1 entries. */
  beforeTraining: readonly number[];
  /** `baseline[i]`: accuracy on task i of the untrained network; T entries. */
  baseline: readonly number[];
}

/** A run in four numbers, for one way of answering (Class-IL or Task-IL). */
export interface MatrixSummary {
  matrix: number[][];
  finalAverage: number;
  backwardTransfer: number;
  forwardTransfer: number;
  forgetting: number;
}

/**
 * All metrics of a run. `compat` chooses the definition of forgetting: "paper" `forgetting`, "official"
 * `forgettingOfficial`. The other three are the same under both.
 *
 * Below, R is the matrix, T the number of tasks, tasks count from 0. Metrics over earlier tasks are 0
 * where there is only one task: nothing could be transferred or forgotten.
 */
export function summarizeMatrix(
  accuracies: RunAccuracies,
  compat: "paper" | "official" = "paper",
): MatrixSummary {
  checkShapes(accuracies);
  const { matrix } = accuracies;
  return {
    matrix: matrix.map((row) => [...row]),
    finalAverage: finalAverage(matrix),
    backwardTransfer: backwardTransfer(matrix),
    forwardTransfer: forwardTransfer(accuracies),
    forgetting: compat === "official" ? forgettingOfficial(accuracies) : forgetting(matrix),
  };
}

/** Mean over i of R[T-1][i]: every task counts the same (mammoth's "mean accuracy"). */
export function finalAverage(matrix: RunAccuracies["matrix"]): number {
  return mean(lastRow(matrix));
}

/**
 * Mean over i < T-1 of R[T-1][i] - R[i][i]: what later tasks did to earlier ones, negative where they
 * hurt (Lopez-Paz and Ranzato 2017, GEM, equation 3; official and mammoth `backward_transfer`).
 */
export function backwardTransfer(matrix: RunAccuracies["matrix"]): number {
  const last = lastRow(matrix);
  return mean(last.slice(0, -1).map((accuracy, task) => accuracy - matrix[task][task]));
}

/**
 * Mean over i = 1..T-1 of (accuracy on task i before learning it) - baseline[i] (Lopez-Paz and Ranzato
 * 2017, equation 4; official and mammoth `forward_transfer`). With WSCL the first term is measured after
 * the heads of task i were chosen on its own labelled images and the second with heads in class order,
 * so part of the number is the choice of heads, in the official results as in ours.
 */
export function forwardTransfer(
  { beforeTraining, baseline }: Pick<RunAccuracies, "beforeTraining" | "baseline">,
): number {
  return mean(beforeTraining.map((accuracy, before) => accuracy - baseline[before + 1]));
}

/**
 * Mean over i < T-1 of max over t = i..T-2 of R[t][i], minus R[T-1][i]: the best a task ever was once
 * learned and before the last task, minus what is left (Chaudhry et al. 2018, "Riemannian Walk",
 * section 3). Negative where the last task improved the earlier ones.
 */
export function forgetting(matrix: RunAccuracies["matrix"]): number {
  const last = lastRow(matrix);
  return mean(
    last.slice(0, -1).map((accuracy, task) => {
      const learned = matrix.slice(task, -1).map((row) => row[task]);
      return Math.max(...learned) - accuracy;
    }),
  );
}

/**
 * The official (and mammoth's) forgetting: as `forgetting`, but the maximum also takes in the accuracy
 * before the task was learned, the last row, and 0 for the rows before; so it is never negative.
 */
export function forgettingOfficial(
  { matrix, beforeTraining }: Pick<RunAccuracies, "matrix" | "beforeTraining">,
): number {
  const last = lastRow(matrix);
  return mean(
    last.slice(0, -1).map((accuracy, task) => {
      const learned = matrix.slice(task).map((row) => row[task]);
      const before = task > 0 ? beforeTraining[task - 1] : 0;
      return Math.max(0, before, ...learned) - accuracy;
    }),
  );
}

function lastRow(matrix: RunAccuracies["matrix"]): readonly number[] {
  return matrix[matrix.length - 1] ?? [];
}

/** Of none: 0. */
export function mean(values: readonly number[]): number {
  if (values.length === 0) return 0;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function checkShapes({ matrix, beforeTraining, baseline }: RunAccuracies): void {
  const tasks = matrix.length;
  const ragged = matrix.every((row, task) => row.length === task + 1);
  if (tasks > 0 && ragged && beforeTraining.length === tasks - 1 && baseline.length === tasks) {
    return;
  }
  throw new TypeError(
    `Cannot summarize a run: rows of length [${matrix.map((row) => row.length)}], ` +
      `${beforeTraining.length} accuracies before training and ${baseline.length} baselines, ` +
      `need rows of length 1 to T, T - 1 and T`,
  );
}
