import { DeviceError, type Gpu } from "../gpu/device.ts";
import { conv2dCandidates, variantName } from "../ops/conv2d_variants.ts";
import type { StoredType } from "../ops/storage.ts";
import type { Conv2dTask, NetworkSize } from "./kernel_case.ts";
import { convNorms } from "./layers.ts";
import { passesOf } from "./ops/convolution.ts";
import { searchVariant, type Trial } from "./search_variant.ts";
import { type Remembered, rememberedVariant, taskName } from "./tuned.ts";

/** What was found for one task. */
export interface TuningResult {
  readonly task: Conv2dTask;
  /** The default first. */
  readonly trials: readonly Trial[];
  /** Name of the best. */
  readonly best: string;
}

/** The convolutions of a network's training, each shape once. */
export function tasksOf(size: NetworkSize, stored: StoredType): Conv2dTask[] {
  const tasks = convNorms(size).flatMap((layer) =>
    passesOf(layer).map((pass) => ({ pass, layer, rows: size.batch, stored }))
  );
  return [...new Map(tasks.map((task) => [taskName(task), task])).values()];
}

/**
 * Tries the ways to compute each task that is not remembered yet and adds the best to `remembered`. No bit of any
 * result depends on the outcome: all candidates give the same, or are refused.
 *
 * @param again tries those that are remembered, too.
 * @param shouldStop asked before each task; what was found until then is kept.
 */
export async function tune(
  gpu: Gpu,
  tasks: readonly Conv2dTask[],
  remembered: Remembered,
  options: {
    readonly again?: boolean;
    readonly shouldStop?: () => boolean;
    readonly progress?: (done: number, total: number) => void;
    /** Told of a task that there is no room to try: it stays with the default. */
    readonly leftOut?: (task: string, reason: string) => void;
  } = {},
): Promise<TuningResult[]> {
  const { again = false, shouldStop = () => false, progress, leftOut } = options;
  const results: TuningResult[] = [];
  const wanted = tasks.filter((task) => again || !rememberedVariant(gpu, remembered, task));
  for (const [done, task] of wanted.entries()) {
    if (shouldStop()) break;
    progress?.(done, wanted.length);
    const candidates = conv2dCandidates(gpu, task.pass, task.layer, task.rows);
    try {
      const { best, trials } = await searchVariant(gpu, task, candidates);
      remembered.set(taskName(task), variantName(best));
      results.push({ task, trials, best: variantName(best) });
    } catch (error) {
      // What training needs is asked for later, and may well fit; but a device that is lost is lost.
      if (!(error instanceof RangeError || error instanceof DeviceError)) throw error;
      gpu.check();
      leftOut?.(taskName(task), error.message);
    }
  }
  return results;
}
