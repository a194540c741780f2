import type { ClassItem } from "../images/source.ts";
import type { ExperimentConfig } from "./config_types.ts";

/** Which classes a configuration takes of its data set, as it is written; undefined where none can be chosen. */
export function classesOf(
  { data: { train } }: ExperimentConfig,
): readonly ClassItem[] | null | undefined {
  return train.format === "drawn" ? undefined : train.classes ?? null;
}

/**
 * The configuration with the names of all classes that were opened, in their order, in `data.train.classes`: what it
 * takes is the same, whatever the numbers and orders by which it was written. Drawn classes cannot be chosen.
 */
export function withClassNames(
  config: ExperimentConfig,
  names: readonly string[],
): ExperimentConfig {
  const { data } = config;
  // Two classes of one name cannot be told by it.
  if (data.train.format === "drawn" || new Set(names).size < names.length) return config;
  return { ...config, data: { ...data, train: { ...data.train, classes: [...names] } } };
}
