import type { RunEvent } from "../../src/experiment/events.ts";

/** What a run of two tasks tells. */
export const story: readonly RunEvent[] = [
  {
    type: "plan",
    phases: [0, 1].flatMap((task) => [
      { task, phase: "wake", steps: 10, trained: 80, judged: 0 } as const,
      { task, phase: "sleep", steps: 20, trained: 160, judged: 0 } as const,
      { task, phase: "evaluation", steps: 0, trained: 0, judged: 100 } as const,
    ]),
  },
  ...[0, 1].flatMap((task): RunEvent[] => [
    { type: "heads", task, heads: [2 * task, 2 * task + 1], classes: ["cat", "dog"] },
    { type: "phase", task, phase: "wake" },
    step(task, "wake", 10, 10),
    ...task === 1
      ? [{ type: "freezing", task, candidates: [{ frozen: 0, loss: 1 }], chosen: 0 } as const]
      : [],
    { type: "phase", task, phase: "sleep" },
    step(task, "nrem", 10, 20),
    step(task, "rem", 20, 20),
    { type: "phase", task, phase: "evaluation" },
    {
      ...{ type: "evaluation", task, gpuBytes: 0 },
      ...{ classIl: task === 0 ? [90] : [55, 80], taskIl: task === 0 ? [95] : [70, 85] },
    },
    { type: "message", text: "checkpoint: 1.0 MB", passing: true },
  ]),
];

function step(task: number, phase: "wake" | "nrem" | "rem", step: number, steps: number): RunEvent {
  const speed = { milliseconds: 20, samplesPerSecond: 400 };
  return { type: "step", task, phase, step, steps, loss: 1.5, total: 30 * task + step, ...speed };
}
