import assert from "node:assert/strict";
import { duration } from "../../src/cli/duration.ts";
import { progressPrinter } from "../../src/cli/progress.ts";
import type { StepEvent } from "../../src/experiment/events.ts";
import { recordingTerminal } from "./recording_terminal.ts";

const step: StepEvent = {
  type: "step",
  task: 1,
  phase: "wake",
  step: 20,
  steps: 120,
  loss: 0.51234,
  milliseconds: 100,
  samplesPerSecond: 319.6,
  total: 20,
};

Deno.test("a terminal shows task, phase, step, loss, speed and time to go in live lines", () => {
  const { terminal, live, printed } = recordingTerminal(true);
  progressPrinter(terminal, { tasks: 5, now: () => 0 })(step);
  assert.deepEqual(live, [
    "task 2/5  wake 20/120  loss 0.5123  320 images/s\n0:00 gone, 0:10 left of this phase",
  ]);
  assert.deepEqual(printed, []);
});

Deno.test("without a terminal a step is printed at most every five seconds", () => {
  const { terminal, printed } = recordingTerminal();
  let now = 0;
  const show = progressPrinter(terminal, { tasks: 5, now: () => now });
  for (now = 0; now <= 12_000; now += 1000) show(step);
  assert.equal(printed.length, 2);
});

Deno.test("decisions and evaluations are always printed, tasks counted from 1", () => {
  const { terminal, printed } = recordingTerminal();
  const show = progressPrinter(terminal, { tasks: 5 });
  show({ type: "heads", task: 1, heads: [4, 2], classes: ["cat", "dog"] });
  show({
    type: "freezing",
    task: 1,
    candidates: [{ frozen: 0, loss: 1.25 }, { frozen: 1, loss: 1 }],
    chosen: 1,
  });
  show({ type: "evaluation", task: 1, classIl: [81, 41], taskIl: [90, 80], gpuBytes: 1 });
  assert.deepEqual(printed, [
    "task 2/5 heads: 4 (cat), 2 (dog)",
    "task 2/5 freezing: first 1 block frozen (loss by frozen blocks: 0: 1.250, 1: 1.000)",
    "task 2/5 evaluation: Class-IL 61.00 % (81.00 41.00), Task-IL 85.00 % (90.00 80.00)",
  ]);
});

Deno.test("a passing message takes a live line, any other stays", () => {
  const { terminal, printed, live } = recordingTerminal(true);
  const show = progressPrinter(terminal, { tasks: 5, now: () => 0 });
  show({ type: "message", text: "reading 10 %", passing: true });
  show({ type: "message", text: "damaged cache" });
  assert.equal(live[0], "begins\n0:00 gone\nreading 10 %");
  assert.deepEqual(printed, ["damaged cache"]);
});

Deno.test("the first event shows adapter, data and network", () => {
  const { terminal, printed } = recordingTerminal();
  progressPrinter(terminal, { tasks: 5 })({
    type: "start",
    adapter: "llvmpipe",
    denoVersion: "2.9.6",
    data: {
      name: "drawn",
      classes: 10,
      train: 2000,
      test: 500,
      dreams: 1000,
      classNames: [],
      leftOut: [],
      dreamClassNames: [],
      digests: { train: "00", test: "01", dreams: null },
    },
    parameters: 175_258,
  });
  assert.match(printed[0], /^adapter +llvmpipe$/m);
  assert.match(
    printed[0],
    /drawn: 10 classes, 2,000 training images, 500 test images, 1,000 dream/,
  );
  assert.match(printed[0], /ResNet-18, 175,258 parameters/);
});

Deno.test("durations have minutes, and hours when there are some", () => {
  assert.equal(duration(5_400), "0:05");
  assert.equal(duration(65_000), "1:05");
  assert.equal(duration(7_209_000), "2:00:09");
  assert.equal(duration(-1), "0:00");
});
