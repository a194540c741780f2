import { openGpu } from "../gpu/device.ts";
import type { HostTensor } from "../net/safetensors.ts";
import type { Checkpoint, StateCheck } from "./checkpoint.ts";
import type { ExperimentConfig } from "./config_types.ts";
import type { RunEvent } from "./events.ts";
import { openDrawn } from "./open_drawn.ts";
import type { RunHost, RunStore } from "./run_host.ts";
import { steadyNow } from "./steady_clock.ts";
import type { Summary } from "./summary.ts";

/** What a run leaves, kept in memory: enough to go on with it in the same page or process, and to look at. */
export class MemoryStore implements RunStore {
  /** As resolved, with the names of the classes; null before the run begins. */
  config: ExperimentConfig | null = null;
  /** In order. */
  readonly events: RunEvent[] = [];
  /** The last one; null: the run has not been saved, or has come to its end. */
  checkpoint: Checkpoint | null = null;
  /** Parameters and running statistics under the official names; null before the run ends. */
  model: ReadonlyMap<string, HostTensor> | null = null;
  /** Null before the run ends. */
  summary: Summary | null = null;

  /** Events are counted, not bytes. */
  get logBytes(): number {
    return this.events.length;
  }

  begin(config: ExperimentConfig): void {
    this.config = config;
    this.events.length = 0;
    this.removeCheckpoints();
  }

  goOn({ info }: Checkpoint): void {
    this.events.length = Math.min(this.events.length, info.logBytes);
  }

  writeConfig(config: ExperimentConfig): void {
    this.config = config;
  }

  log(event: RunEvent): void {
    this.events.push(event);
  }

  repair(): null {
    return null;
  }

  readLastCheckpoint(
    note: (text: string) => void,
    check: StateCheck,
  ): Promise<Checkpoint | null> {
    const problem = this.checkpoint && check(this.checkpoint.run.state);
    if (problem) note(`Cannot use ${this.checkpointName(this.checkpoint!.info.point)}: ${problem}`);
    return Promise.resolve(problem ? null : this.checkpoint);
  }

  checkpointName(point: number): string {
    return `at point ${point}, in memory`;
  }

  writeCheckpoint(checkpoint: Checkpoint): Promise<number> {
    this.checkpoint = checkpoint;
    const { journal, state } = checkpoint.run;
    const words = [...journal, ...state.map(({ words }) => words)];
    return Promise.resolve(words.reduce((sum, { byteLength }) => sum + byteLength, 0));
  }

  removeCheckpoints(): void {
    this.checkpoint = null;
  }

  writeModel(tensors: ReadonlyMap<string, HostTensor>): Promise<void> {
    this.model = tensors;
    return Promise.resolve();
  }

  writeSummary(summary: Summary): void {
    this.summary = summary;
  }
}

/**
 * Surroundings without files or processes, for a page or a test: drawn images, what is left in memory, the host's own
 * WebGPU, kernels as they are. Whatever is given takes the place of that.
 */
export function memoryHost(given: Partial<RunHost> = {}): RunHost {
  return {
    name: "the run",
    goOnWith: "its last checkpoint",
    runtime: { provider: "deno", denoVersion: "" },
    resume: false,
    checkpointEvery: "never",
    deadline: null,
    store: new MemoryStore(),
    readInitialWeights: null,
    now: steadyNow,
    shouldStop: () => false,
    emit: () => {},
    openMaterials: openDrawn,
    openGpu: () => openGpu(),
    ...given,
  };
}
