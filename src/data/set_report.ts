import type { SubsetPart } from "./subset.ts";

/** The images of one part of a data set. */
export interface PartImages {
  readonly part: string;
  /** What `trainPerClass` or `testPerClass` draws from it as. */
  readonly drawnAs: SubsetPart;
  /** By class, in the order of the data: files in the data set, or records of such. */
  readonly classes: ReadonlyMap<string, readonly string[]>;
}

/** What was found in a folder or an archive. */
export interface SetReport {
  readonly path: string;
  /** What it is, in words. */
  readonly title: string;
  readonly parts: readonly PartImages[];
  /** What is missing or broken, a line each. */
  readonly problems: readonly string[];
  /** What is odd but can be used. */
  readonly notes: readonly string[];
}
