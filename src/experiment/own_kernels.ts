import { sha256 } from "../digest.ts";
import type { Gpu } from "../gpu/device.ts";
import { checkForRun, type RunShapes } from "../lab/check_for_run.ts";
import type { OwnKernel } from "../lab/own_kernel.ts";
import { storedTypes } from "../ops/storage.ts";
import type { ExperimentConfig } from "./config_types.ts";
import type { KernelHooks } from "./run_host.ts";
import type { OwnKernelSummary } from "./summary.ts";
import { trainingRows } from "./training_rows.ts";

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
 * @returns what the summary says of them; undefined where there are none.
 * @throws {InputError} for one that is wrong, or that nothing is launched for.
 */
export async function tryOwnKernels(
  gpu: Gpu,
  config: ExperimentConfig,
  own: readonly OwnKernel[],
  { emit, proceed }: KernelHooks,
): Promise<readonly OwnKernelSummary[] | undefined> {
  if (own.length === 0) return undefined;
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
