import { sha256 } from "../digest.ts";
import { InputError } from "../errors.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { KernelHooks, OwnKernels } from "../experiment/run_host.ts";
import type { OwnKernelSummary } from "../experiment/summary.ts";
import { trainingRows } from "../experiment/training_rows.ts";
import type { Gpu } from "../gpu/device.ts";
import type { NetworkSize } from "../check/kernel_case.ts";
import { isOwnMethod } from "../method/methods.ts";
import { type Batch, foreseeBatches, keyOfBatch } from "../experiment/foresight/batches.ts";
import type { Materials } from "../experiment/materials.ts";
import { checkForRun, checkUnforeseen } from "../lab/check_for_run.ts";
import { type KernelText, type OwnKernel, readOwnKernels, replacing } from "../lab/own_kernel.ts";
import { storedTypes } from "../ops/storage.ts";
import { decodeText } from "../text.ts";

/**
 * Reads the file of a kernel of one's own.
 *
 * @throws {InputError} for a file that is not there or is no text.
 */
export function readKernelFile(path: string): KernelText {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    const problem = error instanceof Deno.errors.NotFound
      ? "no such file"
      : (error as Error).message;
    throw new InputError(
      `Cannot read kernel ${path}: ${problem}; name a WGSL file, or write one to start from with ` +
        "./wscl kernels new OP FILE",
    );
  }
  return { name: path, code: decodeText(bytes, path) };
}

/**
 * Kernels of one's own as a run takes them; undefined where there are none.
 *
 * @throws {InputError} for a text that is no kernel for an operation, and for two that are for the same one.
 */
export function ownKernelsOf(texts: readonly KernelText[] = []): OwnKernels | undefined {
  const own = readOwnKernels(texts);
  if (own.length === 0) return undefined;
  const trials = new Trials(own);
  return {
    texts: own.map(({ op, code }) => ({ op: op.name, code })),
    replace: replacing(own),
    tryAll: (gpu, config, materials, hooks) => trials.all(gpu, config, materials, hooks),
    tryBatch: (gpu, config, batch) => trials.batch(gpu, config, batch),
  };
}

/** The network of a configuration at a batch. */
function networkOf(config: ExperimentConfig, { segments, inference }: Batch): NetworkSize {
  const { data: { size, tasks, classesPerTask }, network: { width, stem } } = config;
  return {
    ...{ width, size, stem, heads: tasks * classesPerTask, segments, inference },
    batch: segments.reduce((a, b) => a + b, 0),
  };
}

/** Kernels of one's own, and at which batches of a run they have been tried. */
class Trials {
  readonly #own: readonly OwnKernel[];
  readonly #tried = new Set<string>();

  constructor(own: readonly OwnKernel[]) {
    this.#own = own;
  }

  /**
   * Tries them at the shapes of a run before its first step, and tells how they were found.
   *
   * @returns what the summary says of them.
   * @throws {InputError} for one that is wrong, or that nothing is launched for.
   */
  async all(
    gpu: Gpu,
    config: ExperimentConfig,
    materials: Materials,
    { emit, proceed }: KernelHooks,
  ): Promise<readonly OwnKernelSummary[]> {
    emit({ type: "phase", task: null, phase: "kernels" });
    const batches = [
      { segments: [trainingRows(config)], inference: false },
      ...await this.#foreseen(config, materials, emit),
    ];
    const shapes = {
      networks: batches.map((batch) => networkOf(config, batch)),
      stored: storedTypes[config.precision],
    };
    const tried: OwnKernelSummary[] = [];
    for (const kernel of this.#own) {
      const { shapes: count, error, sameBits } = await checkForRun(gpu, kernel, shapes, proceed);
      const { op: { name: op }, name: file, code } = kernel;
      const bits = sameBits
        ? "the bits of ours: the run ends as it would without it"
        : "other bits than ours: the run goes another way from its first step on";
      emit({
        type: "message",
        text: `kernel         ${op} by ${file}: right at ${count} shapes, relative error ${
          error.toExponential(1)
        } at most; ${bits}`,
      });
      tried.push({ op, file, hash: await sha256(new TextEncoder().encode(code)), error, sameBits });
    }
    for (const batch of batches) this.#tried.add(keyOfBatch(batch));
    return tried;
  }

  /** Tries them at a batch that was not foreseen; it is no part of what the run records. */
  async batch(gpu: Gpu, config: ExperimentConfig, batch: Batch): Promise<void> {
    const key = keyOfBatch(batch);
    if (this.#tried.has(key)) return;
    this.#tried.add(key);
    const { recording } = gpu;
    gpu.recording = null;
    try {
      const stored = storedTypes[config.precision];
      for (const kernel of this.#own) {
        await checkUnforeseen(gpu, kernel, networkOf(config, batch), stored);
      }
    } finally {
      gpu.recording = recording;
    }
  }

  async #foreseen(
    config: ExperimentConfig,
    materials: Materials,
    emit: KernelHooks["emit"],
  ): Promise<Batch[]> {
    try {
      return await foreseeBatches(config, materials);
    } catch (error) {
      // A method of one's own may ask more of a learner than a dry one has.
      if (!isOwnMethod(config.method)) throw error;
      const why = (error as Error).message;
      emit({
        type: "message",
        text:
          `The batches of ${config.method} cannot be foreseen (${why}): kernels are tried as they come`,
      });
      return [];
    }
  }
}
