import type { ImageStore } from "../images/image_store.ts";
import type { ImageSet } from "../images/image_set.ts";
import type { TaskSplit } from "../images/task_stream.ts";
import type { Sample } from "../learner/batch.ts";
import type { Learner } from "../learner/learner.ts";

/** Accuracies of one task in percent. */
export interface TaskAccuracy {
  /** Arg max over all heads; answering with a free (dream) head is wrong. */
  readonly classIl: number;
  /** Arg max over the heads of the image's own task. */
  readonly taskIl: number;
}

/**
 * Evaluates one task in inference mode on its plain test images. Only correct counts come back from the GPU.
 *
 * `heads[i]` is the head of `task.classes[i]`.
 */
export async function evaluateTask(
  learner: Learner,
  store: ImageStore,
  images: ImageSet,
  task: TaskSplit,
  heads: readonly number[],
): Promise<TaskAccuracy> {
  const headOf = new Map(task.classes.map((realClass, i) => [realClass, heads[i]]));
  store.load(images, task.test);
  const samples = Array.from(task.test, (image): Sample => {
    return { from: store, image, label: headOf.get(images.labels[image])! };
  });
  const all = new Set(Array(learner.heads).keys());
  const [classIl, taskIl] = await learner.predictions(samples, [all, new Set(heads)]);
  const percent = (counts: readonly Uint32Array[]) =>
    100 * heads.reduce((correct, head) => correct + counts[head][head], 0) / samples.length;
  return { classIl: percent(classIl), taskIl: percent(taskIl) };
}
