import assert from "node:assert/strict";
import { digestLog } from "../../src/report/log_digest.ts";
import { logOf } from "./example_run.ts";

Deno.test("steps are counted over the whole run, and times go to phases", () => {
  const log = digestLog(logOf({ tasks: 2, names: ["a", "b"] }));
  assert.deepEqual([...log.losses.keys()], ["wake", "nrem", "rem"]);
  assert.deepEqual(log.losses.get("wake")!.map(({ step }) => step), [10, 20, 60, 70]);
  assert.deepEqual(log.losses.get("nrem")!.map(({ step }) => step), [30, 40, 50, 80, 90, 100]);
  assert.deepEqual(log.taskStarts, [0, 50]);
  // 20 steps of 25 ms at 400 a second; what is told of both phases of a sleep is counted once.
  assert.equal(log.speeds.get("wake"), 400);
  assert.equal(log.speeds.get("sleep"), 800);
  const of = (stage: string) => log.times.filter((one) => one.stage === stage);
  assert.deepEqual(of("wake"), [
    { stage: "wake", task: 0, seconds: 1.25 },
    { stage: "wake", task: 1, seconds: 1.25 },
  ]);
  assert.equal(of("sleep").length, 2);
  assert.equal(log.gpuBytes, 1e7 + 1);
  assert.equal(log.start?.data.train, 1200);
});

Deno.test("a long curve is thinned by means of neighbours, and keeps its mean", () => {
  const event = { type: "step", task: 0, phase: "stream", steps: 1001 } as const;
  const speed = { milliseconds: 10, samplesPerSecond: 100 };
  const events = Array.from({ length: 1001 }, (_, i) => ({
    at: 1000 * i,
    event: { ...event, step: i + 1, total: i + 1, loss: i, ...speed },
  }));
  const points = digestLog(events).losses.get("stream")!;
  assert.ok(points.length <= 240 && points.length > 150, String(points.length));
  assert.equal(points[0].loss, 2, "the mean of the first five");
  assert.equal(points.at(-1)!.loss, 1000);
});

Deno.test("an empty log is no error", () => {
  const { start, losses, times } = digestLog([]);
  assert.deepEqual([start, losses.size, times], [null, 0, []]);
});
