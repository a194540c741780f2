import type { AccuracySummary, Summary } from "../../src/experiment/summary.ts";

const accuracy = (final: number): AccuracySummary => ({
  matrix: [[90, null], [final - 20, final + 20]],
  finalAverage: final,
  backwardTransfer: -10,
  forwardTransfer: 1,
  forgetting: 12.5,
});

/** A plausible summary of two tasks; `classIl` sets the final average. */
export function exampleSummary(
  { classIl = 60, ...changes }: Partial<Omit<Summary, "classIl">> & { classIl?: number } = {},
): Summary {
  return {
    method: "wscl",
    schedule: "staged",
    precision: "full",
    dataset: "drawn",
    seed: 0,
    tasks: 2,
    classIl: accuracy(classIl),
    taskIl: accuracy(80),
    freezing: [{ task: 1, candidates: [{ frozen: 0, loss: 1 }], chosen: 0 }],
    heads: [
      { task: 0, heads: [0, 1], classes: ["a", "b"] },
      { task: 1, heads: [3, 2], classes: ["c", "d"] },
    ],
    samplesPerSecond: 100,
    images: 1000,
    steps: 40,
    seconds: 12,
    adapter: "test",
    provider: "deno",
    denoVersion: "2.9.6",
    completed: true,
    ...changes,
  };
}
