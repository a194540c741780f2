import { dreamHeads, dreamTrain, splitTasks } from "../src/images/task_stream.ts";
import { Reservoir } from "../src/images/reservoir.ts";
import { bestCandidate, freezingScore } from "../src/method/freezing_score.ts";
import { assignHeads, pythonSetOrder } from "../src/method/heads_assignment.ts";
import {
  backwardTransfer,
  forgettingOfficial,
  forwardTransfer,
} from "../src/experiment/metrics.ts";
import type { Comparison } from "./comparison.ts";
import type { Json, OfficialRecording } from "./official_recording.ts";

// Recordings of small official functions on chosen inputs: JSON only, no network.

/** In recorded train sets, dreams have this added to their index. */
const DREAM = 100000;

const noDraws = {
  sampleWithoutReplacement(): never {
    throw new Error("Cannot draw dream classes: there are as many as heads");
  },
};

/** `splitTasks` and `dreamTrain` against the sets of the official data-set classes. */
export function checkSplits({ json }: OfficialRecording, comparison: Comparison): void {
  json.cases.forEach((recorded: Json, index: number) => {
    const { config } = recorded;
    const heads = config.cpt * config.tasks;
    const splits = splitTasks({
      trainLabels: recorded.main_train_labels,
      testLabels: recorded.main_test_labels,
      tasks: config.tasks,
      classesPerTask: config.cpt,
      validation: config.val,
      freezingBuffer: config.buff,
      compat: "official",
    });
    const dreams = dreamHeads({
      dreamLabels: recorded.dream_train_heads,
      heads,
      dreamClasses: heads,
      random: noDraws,
    });
    const free = new Set(Array(heads).keys());
    recorded.tasks.forEach((expected: Json, task: number) => {
      const where = `case ${index}, task ${task}`;
      const { classes, train, validation, freezingBuffer, test } = splits[task];
      const headOf = new Map(classes.map((c, i) => [c, expected.heads[i]]));
      for (const head of expected.heads) free.delete(head);
      const dreamed = dreamTrain(dreams, free);
      comparison.same(
        "train sets",
        where,
        [...train, ...Array.from(dreamed.images, (image) => image + DREAM)],
        expected.train,
      );
      const mainHeads = Array.from(train, (i) => headOf.get(recorded.main_train_labels[i]));
      comparison.same(
        "train labels",
        where,
        [...mainHeads as number[], ...dreamed.heads],
        expected.train_heads,
      );
      comparison.same("validation sets", where, validation, expected.val ?? []);
      comparison.same("freezing buffers", where, freezingBuffer, expected.freeze_buffer);
      comparison.same("test sets", where, test, expected.test);
    });
  });
}

/** `assignHeads` in official row order against `get_next_pos_classes`. */
export function checkHeads({ json }: OfficialRecording, comparison: Comparison): void {
  for (const recorded of json.cases) {
    const heads = recorded.classes_per_task * recorded.n_tasks;
    const classes = Object.keys(recorded.counts).map(Number).sort((a, b) => a - b);
    const counts = classes.map((realClass) => countsOf(recorded.counts[realClass], heads));
    const expected = classes.map((realClass) => recorded.class_to_head[realClass]);
    const where = recorded.name ?? "unnamed case";
    const found = assignHeads({ classes, counts, free: recorded.free_heads }, "official");
    comparison.same("heads", where, found, expected);
    const order = recorded.row_order_of_official_python_set;
    if (order) comparison.same("row order", where, pythonSetOrder(classes), order);
  }
}

/** Recorded counts by head as a row over all heads. */
export function countsOf(counts: Record<string, number>, heads: number): number[] {
  return Array.from({ length: heads }, (_, head) => counts[head] ?? 0);
}

/** `Reservoir` on recorded draws. */
export function checkReservoir({ json }: OfficialRecording, comparison: Comparison): void {
  json.cases.forEach((recorded: Json, index: number) => {
    const reservoir = new Reservoir(recorded.buffer_size);
    const draws = [...recorded.draws_low_highexclusive_value];
    const ranges: number[] = [];
    const random = {
      below(n: number) {
        ranges.push(n);
        return draws.shift()[2];
      },
    };
    const slots = Array.from({ length: recorded.items }, () => reservoir.offer(random));
    comparison.same("slots", `case ${index}`, slots, recorded.slots);
    const expected = recorded.draws_low_highexclusive_value.map(([, end]: number[]) => end);
    comparison.same("ranges of draws", `case ${index}`, ranges, expected);
  });
}

/** Transfer and forgetting against the official functions of ragged tables. */
export function checkMetrics({ json }: OfficialRecording, comparison: Comparison): void {
  json.cases.forEach((recorded: Json, index: number) => {
    const rows: number[][] = recorded.results;
    const matrix = rows.map((row, task) => row.slice(0, task + 1));
    const beforeTraining = rows.slice(0, -1).map((row, task) => row[task + 1]);
    const baseline = recorded.random_results;
    const found = [
      backwardTransfer(matrix),
      forgettingOfficial({ matrix, beforeTraining }),
      forwardTransfer({ beforeTraining, baseline }),
    ];
    const { backward_transfer, forgetting, forward_transfer } = recorded;
    const expected = [backward_transfer, forgetting, forward_transfer];
    comparison.close("BWT, forgetting, FWT", `case ${index}`, found, expected, 1e-12);
  });
}

/** `freezingScore` and `bestCandidate` on made-up batch losses. */
export function checkFreezeScore({ json }: OfficialRecording, comparison: Comparison): void {
  json.cases.forEach((recorded: Json, index: number) => {
    const scores: number[] = recorded.candidates.map((candidate: Json) =>
      freezingScore(
        {
          validation: candidate.val_batch_losses ?? [],
          buffer: candidate.buffer_batch_losses ?? [],
        },
        recorded.mode,
        "official",
      )
    );
    const expected = recorded.candidates.map((c: Json) => c.official_score_4_decimals);
    const where = `case ${index}, ${recorded.mode}`;
    // Scores were printed with 4 decimals; those of mode "buffer" have more.
    comparison.close("scores", where, scores, expected, 0.50001e-4);
    comparison.same("winners", where, [bestCandidate(scores)], [recorded.winner]);
  });
}
