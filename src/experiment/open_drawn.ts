import { InputError } from "../errors.ts";
import { drawDataset, drawImages } from "../images/drawn.ts";
import type { DrawnSource, SourceOptions } from "../images/source.ts";
import type { ExperimentConfig } from "./config_types.ts";
import { divide, wantsDreams } from "./divide.ts";
import type { Materials } from "./materials.ts";
import type { OpeningHooks } from "./run_host.ts";

/**
 * The images of a configuration that asks for drawn ones, divided into tasks; it needs no files.
 *
 * @throws {InputError} where other images are asked for, or images and configuration do not fit.
 */
// deno-lint-ignore require-await -- what is thrown is to reject
export async function openDrawn(
  config: ExperimentConfig,
  { progress, warn }: OpeningHooks,
): Promise<Materials> {
  const { train, dreams } = config.data;
  const dataset = drawDataset(drawn(train, "data.train"), progress);
  const dreaming = wantsDreams(config) && dreams !== null;
  const opened = dreaming ? drawImages(drawn(dreams, "data.dreams"), "train", progress) : null;
  return divide(config, { dataset, dreams: opened }, warn);
}

function drawn(source: SourceOptions, key: string): DrawnSource {
  if (source.format === "drawn") return source;
  throw new InputError(
    `Cannot open ${key}: its format is ${source.format}, and there are no files here; ` +
      'use the format "drawn", or give the run an openMaterials of its own',
  );
}
