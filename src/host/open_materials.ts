import { openDataset, openDreams } from "../data/dataset.ts";
import type { OpenContext } from "../data/open_context.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import { divide, wantsDreams } from "../experiment/divide.ts";
import type { Materials } from "../experiment/materials.ts";

/** What opening the images of an experiment needs of its surroundings. */
export type MaterialsContext = Required<Pick<OpenContext, "cacheDir" | "progress" | "warn">> & {
  readonly dataRoot: string;
};

/**
 * Opens the data sets that a configuration names and divides them into tasks.
 *
 * @throws {InputError} where a file is missing or damaged, or data and configuration do not fit.
 */
export async function openMaterials(
  config: ExperimentConfig,
  context: MaterialsContext,
): Promise<Materials> {
  const { train, dreams } = config.data;
  const dataset = await openDataset(train, context);
  const opened = wantsDreams(config) && dreams ? await openDreams(dreams, context) : null;
  return divide(config, { dataset, dreams: opened }, context.warn);
}
