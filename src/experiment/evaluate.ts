import type { ImageStore } from "../images/image_store.ts";
import type { ImageSet } from "../images/image_set.ts";
import type { TaskSplit } from "../images/task_stream.ts";
import type { Sample } from "../learner/batch.ts";
import { logitShift } from "../learner/label_prior.ts";
import type { Learner } from "../learner/learner.ts";
import type { ExperimentConfig } from "./config_types.ts";

/** Accuracies of one task in percent. */
export interface TaskAccuracy {
  /** Arg max over all heads; answering with a free (dream) head is wrong. */
  readonly classIl: number;
  /** Arg max over the heads of the image's own task. */
  readonly taskIl: number;
  /** `[class of the task][head]`: how often its images were answered with that head, over all heads. */
  readonly answers: readonly (readonly number[])[];
}

/**
 * Evaluates one task in inference mode on its plain test images. Only counts come back from the GPU.
 *
 * `heads[i]` is the head of `task.classes[i]`; `shift`, see {@linkcode shiftOf}, is added to the logits.
 */
export async function evaluateTask(
  learner: Learner,
  store: ImageStore,
  images: ImageSet,
  task: TaskSplit,
  heads: readonly number[],
  { shift }: { readonly shift: Float32Array<ArrayBuffer> | null },
): Promise<TaskAccuracy> {
  const headOf = new Map(task.classes.map((realClass, i) => [realClass, heads[i]]));
  store.load(images, task.test);
  const samples = Array.from(task.test, (image): Sample => {
    return { from: store, image, label: headOf.get(images.labels[image])! };
  });
  const all = new Set(Array(learner.heads).keys());
  const [classIl, taskIl] = await learner.predictions(
    samples,
    [all, new Set(heads)],
    false,
    shift,
  );
  const percent = (counts: readonly Uint32Array[]) =>
    100 * heads.reduce((correct, head) => correct + counts[head][head], 0) / samples.length;
  const answers = heads.map((head) => [...classIl[head]]);
  return { classIl: percent(classIl), taskIl: percent(taskIl), answers };
}

/**
 * What a configuration adds to logits when it evaluates, given how often each head was the label lately (none: not
 * known); null: nothing.
 */
export function shiftOf(
  { evaluation: { logitAdjustment } }: Pick<ExperimentConfig, "evaluation">,
  labels: readonly number[],
): Float32Array<ArrayBuffer> | null {
  return logitAdjustment > 0 && labels.length > 0 ? logitShift(labels, logitAdjustment) : null;
}
