import type { Gpu } from "../gpu/device.ts";
import type { ProviderName } from "../gpu/provider.ts";
import type { KernelText } from "../lab/own_kernel.ts";
import type { CheckpointEvery } from "../experiment/checkpoint.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { RunEvent } from "../experiment/events.ts";
import type { RunTells } from "../experiment/run_host.ts";

/** Where a run reads and writes; paths are relative to the working folder or absolute. */
export interface RunPaths {
  /** Folder in which data sets are found by their folder names. */
  readonly dataRoot: string;
  /** Folder of packed data sets. */
  readonly cacheDir: string;
  /** Run folder, which exists. */
  readonly out: string;
  /** `model.safetensors` to start from, or `null` for fresh weights. */
  readonly init: string | null;
}

/** What a run computes with. */
export interface RunPlace {
  /** Whose WebGPU; default "deno". */
  readonly provider?: ProviderName;
  /** Kernels of one's own that take the place of the program's; default: none. */
  readonly kernels?: readonly KernelText[];
}

/** How a run is kept from being lost, and from going wrong unnoticed. */
export interface RunSafety {
  /** Goes on from the last checkpoint in `out`; without one, starts anew. Default false. */
  readonly resume?: boolean;
  /** How often to save; default every five minutes. */
  readonly checkpointEvery?: CheckpointEvery;
  /** Checkpoints kept in the run folder until the run has ended; default 2. */
  readonly checkpointsKept?: number;
  /** Milliseconds since 1970 by which the run ends, saved and `completed: false` if need be. */
  readonly deadline?: number | null;
  /** Trusts the kernels on this adapter without trying them. Default false. */
  readonly skipSelfTest?: boolean;
  /** Takes kernels as they are remembered, or by default, without trying which are fastest. Default false. */
  readonly skipTuning?: boolean;
}

/** What is told of a run beside what it keeps. */
export interface RunWatch {
  /** Default: nothing. */
  readonly tells?: RunTells;
}

/** What `runExperiment` gets beside the configuration. */
export interface RunOptions extends RunPaths, RunPlace, RunSafety, RunWatch {
  /** True once the user has asked to stop: end cleanly with `completed: false`. */
  readonly shouldStop: () => boolean;
  /** Told about everything worth a line in the log. */
  readonly emit: (event: RunEvent) => void;
  /** Called at each point at which the run can be saved; for tests that break something there. */
  readonly atPoint?: (point: number, gpu: Gpu) => void;
}

/** What the worker of a run is asked for. */
export interface RunRequest extends RunPaths, RunPlace, RunSafety, RunWatch {
  readonly config: ExperimentConfig;
}
