import { Random } from "../random.ts";
import type { TaskSplit } from "../images/task_stream.ts";

/**
 * For each task, the training images on which the heads of its classes are chosen.
 *
 * "paper": those that the task trains on; images set apart to judge stay unseen.
 *
 * "official" (quirk Q12): of a fixed permutation of all training images the first tenth is left out, the rest of the
 * task's classes is used, held-out images included: about 90 % of them. The official program stores the permutation on
 * disk, shared by all later runs; so ours does not depend on the run's seed either.
 */
export function headChoiceImages(
  trainLabels: ArrayLike<number>,
  tasks: readonly TaskSplit[],
  compat: "paper" | "official",
): Uint32Array<ArrayBuffer>[] {
  if (compat === "paper") return tasks.map(({ train }) => train);
  const order = Random.stream(0, "head choice").permutation(trainLabels.length);
  const kept = order.subarray(Math.floor(0.1 * order.length));
  return tasks.map(({ classes }) => {
    const wanted = new Set(classes);
    return kept.filter((image) => wanted.has(trainLabels[image]));
  });
}
