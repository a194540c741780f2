import type { Checkpoint, StateCheck } from "../experiment/checkpoint.ts";
import { classesOf } from "../experiment/class_names.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { RunEvent } from "../experiment/events.ts";
import type { RunStore } from "../experiment/run_host.ts";
import type { Summary } from "../experiment/summary.ts";
import type { HostTensor } from "../net/safetensors.ts";
import { checkpointPath, readLastCheckpoint, writeCheckpoint } from "./checkpoint_files.ts";
import {
  diskProblem,
  isThere,
  removeFolderIfEmpty,
  removeIfThere,
  replaceFile,
} from "./durable.ts";
import { RunLog } from "./log.ts";
import {
  readClassesGiven,
  type RunFolder,
  runFolder,
  type RunOrigin,
  writeJson,
  writeSummary,
} from "./run_folder.ts";
import { writeSafetensors } from "./safetensors_files.ts";
import type { RunPaths, RunPlace } from "./worker_messages.ts";

/** A run folder as the run writes to it; whoever makes one holds the folder's lock, and closes it. */
export class FolderStore implements RunStore {
  readonly #folder: RunFolder;
  readonly #origin: RunOrigin;
  readonly #keep: number;
  #log: RunLog | null = null;

  /** @param keep how many checkpoints are kept until the run has ended. */
  constructor(
    config: ExperimentConfig,
    { out, dataRoot, init, kernels = [], resume, keep }: Omit<RunPaths, "cacheDir"> & RunPlace & {
      readonly resume: boolean;
      readonly keep: number;
    },
  ) {
    this.#folder = runFolder(out);
    this.#keep = keep;
    const then = resume ? readClassesGiven(out) : undefined;
    this.#origin = {
      ...{ dataRoot, init, classes: then === undefined ? classesOf(config) : then },
      ...(kernels.length > 0 ? { kernels: kernels.map(({ name }) => name) } : {}),
    };
  }

  get logBytes(): number {
    return this.#log?.bytes ?? 0;
  }

  begin(config: ExperimentConfig): void {
    this.removeCheckpoints();
    this.#writeOrigin(config);
    this.#log = new RunLog(this.#folder.log);
  }

  goOn({ info: { logBytes: bytes, seconds } }: Checkpoint): void {
    this.#log = new RunLog(this.#folder.log, Date.now, { bytes, seconds });
  }

  writeConfig(config: ExperimentConfig): void {
    writeJson(this.#folder.config, config);
  }

  log(event: RunEvent): void {
    this.#log?.write(event);
  }

  repair(config: ExperimentConfig): string | null {
    const { path, run } = this.#folder;
    if (isThere(run)) return null;
    Deno.mkdirSync(path, { recursive: true });
    this.#writeOrigin(config);
    return `Somebody removed ${path}: made again, without the log of what was before`;
  }

  async readLastCheckpoint(
    note: (text: string) => void,
    check: StateCheck,
  ): Promise<Checkpoint | null> {
    return await readLastCheckpoint(this.#folder.checkpoints, note, check);
  }

  checkpointName(point: number): string {
    return checkpointPath(this.#folder.checkpoints, point);
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<number> {
    try {
      return await writeCheckpoint(this.#folder.checkpoints, checkpoint, this.#keep);
    } catch (error) {
      const path = this.checkpointName(checkpoint.info.point);
      throw new Error(`Cannot write checkpoint ${path}: ${diskProblem(error)}`, { cause: error });
    }
  }

  removeCheckpoints(): void {
    removeIfThere(this.#folder.checkpoints);
  }

  async writeModel(
    tensors: ReadonlyMap<string, HostTensor>,
    metadata: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { model } = this.#folder;
    try {
      await writeSafetensors(model, tensors, metadata);
    } catch (error) {
      const problem = diskProblem((error as Error).cause ?? error);
      throw new Error(`Cannot write ${model}: ${problem}`, { cause: error });
    }
  }

  abandon(): void {
    this[Symbol.dispose]();
    this.#log = null;
    const { config, run, log, path } = this.#folder;
    for (const file of [config, run, log]) removeIfThere(file);
    removeFolderIfEmpty(path);
  }

  writeGallery(bytes: Uint8Array<ArrayBuffer>): void {
    replaceFile(this.#folder.gallery, bytes);
  }

  writeSummary(summary: Summary): void {
    writeSummary(this.#folder.summary, summary);
  }

  /** Closes the log. */
  [Symbol.dispose](): void {
    this.#log?.close();
  }

  /** What a run is gone on with by. */
  #writeOrigin(config: ExperimentConfig): void {
    this.writeConfig(config);
    writeJson(this.#folder.run, this.#origin);
  }
}
