import { adapterName, type Gpu } from "../gpu/device.ts";
import type { ExperimentConfig } from "./config_types.ts";
import type { ImageDigests, StartEvent } from "./events.ts";
import { leftOut, type Materials } from "./materials.ts";

/** What a run is about to do, on what, and with how many images. */
export function startEvent(
  config: ExperimentConfig,
  { dataset, dreams, tasks }: Materials,
  { gpu, denoVersion, digests, parameters }: {
    readonly gpu: Gpu;
    readonly denoVersion: string;
    readonly digests: ImageDigests;
    readonly parameters: number;
  },
): StartEvent {
  const classes = config.data.tasks * config.data.classesPerTask;
  const count = (part: "train" | "test") => tasks.reduce((sum, task) => sum + task[part].length, 0);
  return {
    type: "start",
    adapter: adapterName(gpu.adapter),
    denoVersion,
    data: {
      name: dataset.name,
      classes,
      train: count("train"),
      test: count("test"),
      dreams: dreams?.count ?? 0,
      classNames: dataset.train.classNames.slice(0, classes),
      leftOut: leftOut(config, dataset),
      dreamClassNames: dreams?.classNames ?? [],
      digests,
    },
    parameters,
  };
}
