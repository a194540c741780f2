import { sha256 } from "../digest.ts";
import { InputError } from "../errors.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { KernelHooks, OwnKernels } from "../experiment/run_host.ts";
import type { OwnKernelSummary } from "../experiment/summary.ts";
import { trainingRows } from "../experiment/training_rows.ts";
import type { Gpu } from "../gpu/device.ts";
import { checkForRun, type RunShapes } from "../lab/check_for_run.ts";
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
  return {
    texts: own.map(({ op, code }) => ({ op: op.name, code })),
    replace: replacing(own),
    tryAll: (gpu, config, hooks) => tryAll(gpu, config, own, hooks),
  };
}

/** The shapes that a configuration launches kernels at: whole batches of training, of the stream alone, of evaluation. */
function shapesOf(config: ExperimentConfig): RunShapes {
  const { data: { size, tasks, classesPerTask }, network: { width, stem }, precision } = config;
  const batches = new Set([trainingRows(config), config.batchSize, config.evaluation.batchSize]);
  return {
    networks: [...batches].map((batch) => ({
      ...{ width, size, stem, batch },
      heads: tasks * classesPerTask,
    })),
    stored: storedTypes[precision],
  };
}

/**
 * Tries kernels of one's own at the shapes of a run before its first step, and tells how they were found.
 *
 * @returns what the summary says of them.
 * @throws {InputError} for one that is wrong, or that nothing is launched for.
 */
async function tryAll(
  gpu: Gpu,
  config: ExperimentConfig,
  own: readonly OwnKernel[],
  { emit, proceed }: KernelHooks,
): Promise<readonly OwnKernelSummary[]> {
  emit({ type: "phase", task: null, phase: "kernels" });
  const tried: OwnKernelSummary[] = [];
  for (const kernel of own) {
    const { shapes, error, sameBits } = await checkForRun(gpu, kernel, shapesOf(config), proceed);
    const { op: { name: op }, name: file, code } = kernel;
    const bits = sameBits
      ? "the bits of ours: the run ends as it would without it"
      : "other bits than ours: the run goes another way from its first step on";
    emit({
      type: "message",
      text: `kernel         ${op} by ${file}: right at ${shapes} shapes, relative error ${
        error.toExponential(1)
      } at most; ${bits}`,
    });
    tried.push({ op, file, hash: await sha256(new TextEncoder().encode(code)), error, sameBits });
  }
  return tried;
}
