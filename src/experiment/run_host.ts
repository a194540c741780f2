import type { Gpu } from "../gpu/device.ts";
import type { Dispatch } from "../gpu/dispatch.ts";
import type { ProviderName } from "../gpu/provider.ts";
import type { Progress } from "../images/image_set.ts";
import type { HostTensor } from "../net/safetensors.ts";
import type { Conv2dChoice } from "../ops/conv2d_variants.ts";
import type { Checkpoint, CheckpointEvery, CheckpointStore, StateCheck } from "./checkpoint.ts";
import type { ExperimentConfig } from "./config_types.ts";
import type { RunEvent } from "./events.ts";
import type { Materials } from "./materials.ts";
import type { EarlyEnd } from "./run_limits.ts";
import type { OwnKernelSummary, Summary } from "./summary.ts";

/** What may be done at once or take its time. */
type MaybeLater<T> = T | Promise<T>;

/** Where a run leaves what it makes, and finds what an earlier execution of it has left. */
export interface RunStore extends CheckpointStore {
  /** A new run begins: old checkpoints go, and the log begins anew. */
  begin(config: ExperimentConfig): MaybeLater<void>;
  /** The run is where its checkpoint was written: the log goes on behind what it held then. */
  goOn(from: Checkpoint): void;
  /** The configuration of a new run, once the names of its classes are known. */
  writeConfig(config: ExperimentConfig): MaybeLater<void>;
  /** Adds an event to the log; before {@linkcode begin} and {@linkcode goOn} there is none. */
  log(event: RunEvent): void;
  /** Length of the log. */
  readonly logBytes: number;
  /**
   * Makes sure that what is saved now can be gone on with: somebody may have removed the run's folder meanwhile.
   *
   * @returns what had to be made again, in a line; null: nothing.
   */
  repair(config: ExperimentConfig): MaybeLater<string | null>;
  /** The last sound checkpoint; `note` is told of each that is passed over. */
  readLastCheckpoint(
    note: (text: string) => void,
    check: StateCheck,
  ): Promise<Checkpoint | null>;
  /** They have served; a large network's take hundreds of megabytes. */
  removeCheckpoints(): MaybeLater<void>;
  /** Parameters and running statistics under the official names, and what is said of them. */
  writeModel(
    tensors: ReadonlyMap<string, HostTensor>,
    metadata: Readonly<Record<string, string>>,
  ): Promise<void>;
  /** Pictures to look at, as `encodeGallery` of gallery.ts has them; absent: nobody looks. */
  writeGallery?(bytes: Uint8Array<ArrayBuffer>): MaybeLater<void>;
  /** How the run ended: written last. */
  writeSummary(summary: Summary): MaybeLater<void>;
}

/** What is told of opening images. */
export interface OpeningHooks {
  /** Throws where the run is to end. */
  readonly progress: Progress;
  readonly warn: (text: string) => void;
}

/** What testing and choosing kernels may do while the run waits for it. */
export interface KernelHooks {
  readonly emit: (event: RunEvent) => void;
  /** Whether the run is to end. */
  readonly shouldStop: () => boolean;
  /** Throws where the run is to end. */
  readonly proceed: () => void;
}

/** Kernels of one's own, which take the place of the program's. */
export interface OwnKernels {
  /** Their texts, part of the run's identity, and the operations that they compute. */
  readonly texts: readonly { readonly op: string; readonly code: string }[];
  /** The launch with one of them, or the same. */
  replace(launch: Dispatch): Dispatch;
  /** Tries them at the shapes of a configuration before its first step; throws where one is wrong. */
  tryAll(
    gpu: Gpu,
    config: ExperimentConfig,
    hooks: KernelHooks,
  ): Promise<readonly OwnKernelSummary[]>;
}

/** What a run tells beside what it keeps. */
export interface RunTells {
  /** What it is going to do: a `plan` event. */
  readonly plan?: boolean;
  /** What its long-term memory holds behind each task: `memory` events. */
  readonly memory?: boolean;
}

/** All that a run needs of its surroundings: a process with a disk, a page, a service. */
export interface RunHost extends EarlyEnd {
  /** What messages call the run, such as its folder. */
  readonly name: string;
  /** What to do to go on with the run, such as a command. */
  readonly goOnWith: string;
  /** Whose WebGPU it is, and the version of Deno; empty outside of it. */
  readonly runtime: { readonly provider: ProviderName; readonly denoVersion: string };
  /** Goes on from the last checkpoint in the store; without one, starts anew. */
  readonly resume: boolean;
  readonly checkpointEvery: CheckpointEvery;
  readonly store: RunStore;
  /** The bytes of a safetensors file to start from, and its name in messages; null: fresh weights. */
  readonly readInitialWeights:
    | (() => MaybeLater<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly name: string }>)
    | null;
  /** Told about everything that happens. */
  emit(event: RunEvent): void;
  /** Opens the images of a configuration and divides them into tasks. */
  openMaterials(config: ExperimentConfig, hooks: OpeningHooks): Promise<Materials>;
  openGpu(): Promise<Gpu>;
  /** Loads the module of a method of one's own, and gives its text. */
  loadMethod?(module: string): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Tries the kernels before the run trusts them; throws where they compute wrong results. Absent: they are trusted.
   */
  testKernels?(gpu: Gpu, config: ExperimentConfig, hooks: KernelHooks): Promise<void>;
  /** Chooses how convolutions are computed. Absent: as suits this kind of adapter. */
  chooseKernels?(gpu: Gpu, config: ExperimentConfig, hooks: KernelHooks): Promise<Conv2dChoice>;
  /** Kernels of one's own that the run computes with. Absent: none. */
  readonly kernels?: OwnKernels;
  /** What is told beside what is kept, where somebody looks at it: it takes time. Default: nothing. */
  readonly tells?: RunTells;
  /** Called at each point at which the run can be saved; for tests that break something there. */
  atPoint?(point: number, gpu: Gpu): void;
}
