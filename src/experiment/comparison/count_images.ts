import type { ExperimentConfig } from "../config_types.ts";
import { DryRun } from "../dry_run.ts";
import { type ImageCount, ImageCounter, noImages } from "../image_counter.ts";
import type { Materials } from "../materials.ts";

/**
 * Counts the images of a run by a dry one. Exact where the method does not search for what to freeze and all dream
 * classes have equally many images. A freezing search counts as if nothing were frozen before, the most that it can
 * cost.
 */
export async function countImages(
  config: ExperimentConfig,
  materials: Materials,
): Promise<ImageCount> {
  const learner = new RunCounter(config);
  await new DryRun(config, materials, learner).execute();
  return learner.tally;
}

class RunCounter extends ImageCounter {
  readonly tally = noImages();
}
