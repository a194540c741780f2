import { resolveConfig } from "../src/experiment/config.ts";
import type { ExperimentConfig } from "../src/experiment/config_types.ts";

/** Sizes and numbers of a recorded run. */
export interface OfficialRun {
  readonly method: "wscl" | "er_ace" | "er" | "derpp";
  readonly base: "er_ace" | "er" | "derpp";
  readonly tasks: number;
  readonly classesPerTask: number;
  readonly size: number;
  readonly width: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly learningRate: number;
  readonly batchSize: number;
  readonly replayBatchSize: number;
  readonly epochs: number;
  readonly capacity: number;
  readonly derpp?: { readonly alpha: number; readonly beta: number };
  readonly freezing?: ExperimentConfig["freezing"]["mode"];
  /** Whether it searches for what to freeze; default true. */
  readonly searches?: boolean;
}

/**
 * The configuration that stands for a recorded run: merged schedule, compat "official". Recorded transforms do not
 * crop; pictures come from the recording, so the data sources named here are never opened.
 */
export function officialConfig(run: OfficialRun): ExperimentConfig {
  const drawn = (kind: "shapes" | "dreams") => ({
    format: "drawn",
    drawn: {
      kind,
      classes: run.tasks * run.classesPerTask,
      trainPerClass: 1,
      testPerClass: 1,
    },
  });
  return resolveConfig(
    {
      name: "golden",
      method: run.method,
      wscl: {
        base: run.base,
        schedule: "merged",
        compat: "official",
        freezing: run.searches ?? true,
      },
      derpp: run.derpp ?? {},
      freezing: { mode: run.freezing ?? "training_and_buff" },
      data: {
        tasks: run.tasks,
        classesPerTask: run.classesPerTask,
        size: run.size,
        mean: run.mean,
        std: run.std,
        train: drawn("shapes"),
        dreams: drawn("dreams"),
      },
      augmentation: { padding: 0, flip: true },
      network: { width: run.width },
      // The limits are those of f32: `mixed` is not compared with the official program.
      precision: "full",
      optimizer: { learningRate: run.learningRate },
      batchSize: run.batchSize,
      // More than the memory holds is never drawn.
      replayBatchSize: Math.min(run.replayBatchSize, run.capacity),
      epochs: run.epochs,
      memory: { longTerm: run.capacity },
      evaluation: { batchSize: 64 },
      log: { every: 1000 },
    },
    [],
    "the recording's configuration",
  );
}
