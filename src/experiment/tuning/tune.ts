import { DeviceError, type Gpu } from "../../gpu/device.ts";
import { convNormsOf, resnet18 } from "../../net/resnet18.ts";
import { conv2dCandidates, conv2dPasses, variantName } from "../../ops/conv2d_variants.ts";
import { storedTypes } from "../../ops/storage.ts";
import type { ExperimentConfig } from "../config_types.ts";
import { trainingRows } from "../training_rows.ts";
import { type Remembered, rememberedVariant, taskName } from "./remembered.ts";
import { searchVariant, type Trial, type TuningTask } from "./search.ts";

/** What was found for one task. */
export interface TuningResult {
  readonly task: TuningTask;
  /** The default first. */
  readonly trials: readonly Trial[];
  /** Name of the best. */
  readonly best: string;
}

/** The tasks of a configuration's convolutions, each once. The gradient of the images is asked for by nobody. */
export function tasksOf(config: ExperimentConfig): TuningTask[] {
  const { data, network: { width }, precision } = config;
  const heads = data.tasks * data.classesPerTask;
  const net = resnet18({ width, heads, height: data.size, inputWidth: data.size });
  const layers = [net.stem, ...net.blocks.flatMap(convNormsOf)];
  const [rows, stored] = [trainingRows(config), storedTypes[precision]];
  const tasks = layers.flatMap((layer, index) =>
    conv2dPasses
      .filter((pass) => index > 0 || pass !== "input_gradient")
      .map((pass) => ({ pass, layer, rows, stored }))
  );
  return [...new Map(tasks.map((task) => [taskName(task), task])).values()];
}

/**
 * Tries the ways to compute each task that is not remembered yet and adds the best to `remembered`. No bit of any result
 * depends on the outcome: all candidates give the same, or are refused.
 *
 * @param again tries those that are remembered, too.
 * @param shouldStop asked before each task; what was found until then is kept.
 */
export async function tune(
  gpu: Gpu,
  tasks: readonly TuningTask[],
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
