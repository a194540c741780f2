/** Runs small enough to be cut anywhere: 8-pixel drawn images, width 4, three tasks, every phase. */

import { join } from "node:path";
import { resolveConfig } from "../../src/experiment/config.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import { runExperiment } from "../../src/host/run.ts";
import type { RunOptions } from "../../src/host/worker_messages.ts";

/** The staged schedule; a change of `wscl` or `method` makes another of it. */
export const tinyOptions = {
  name: "tiny",
  method: "wscl",
  data: {
    tasks: 3,
    classesPerTask: 2,
    size: 8,
    train: {
      format: "drawn",
      drawn: { kind: "shapes", classes: 6, trainPerClass: 12, testPerClass: 4 },
    },
    dreams: {
      format: "drawn",
      drawn: { kind: "dreams", classes: 6, trainPerClass: 6, testPerClass: 1 },
    },
  },
  wscl: { preset: "paper", sleepEpochs: 1 },
  freezing: { validation: 4, buffer: 4, maxBlocks: 1, share: 0.25 },
  augmentation: { padding: 1, flip: true },
  optimizer: { momentum: 0.5 },
  network: { width: 4 },
  batchSize: 8,
  replayBatchSize: 8,
  epochs: 2,
  memory: { longTerm: 16, shortTerm: 16 },
  evaluation: { batchSize: 8 },
  log: { every: 2 },
};

export interface TinyRun {
  readonly out: string;
  readonly changes?: Record<string, unknown>;
  readonly options?: Partial<RunOptions>;
}

/** Runs it in this thread; events are those of this execution. */
export async function runTiny({ out, changes = {}, options = {} }: TinyRun) {
  const events: RunEvent[] = [];
  const summary = await runExperiment(resolveConfig({ ...tinyOptions, ...changes }), {
    dataRoot: out,
    cacheDir: join(out, "..", "cache"),
    out,
    init: null,
    skipSelfTest: true,
    shouldStop: () => false,
    emit: (event) => events.push(event),
    ...options,
  });
  return { summary, events };
}

/** What must be the same however often a run was interrupted: weights, results, and the log but for its times. */
export async function outcome(out: string): Promise<Record<string, unknown>> {
  const model = await Deno.readFile(join(out, "model.safetensors"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", model)).toHex();
  const { samplesPerSecond: _s, seconds: _t, ...summary } = JSON.parse(
    await Deno.readTextFile(join(out, "summary.json")),
  );
  const log = (await Deno.readTextFile(join(out, "log.jsonl"))).trimEnd().split("\n")
    .map((line) => JSON.parse(line))
    .map(({ time: _, seconds: __, milliseconds: ___, samplesPerSecond: ____, ...event }) => event)
    .filter(({ type, phase }) => type !== "end" && phase !== "kernels" && phase !== "tuning");
  return { digest, summary, log };
}
