import type { Prediction } from "./predictor.ts";

/** How often images of each class were answered with each class. */
export interface ExamResult {
  /** Names of the classes that were asked for or answered. */
  readonly classes: readonly string[];
  /** `[asked][answered]`, images, in the order of `classes`. */
  readonly confusion: readonly (readonly number[])[];
  /** Images of each class that would have been called none of these. */
  readonly none: readonly number[];
  /** In all. */
  readonly images: number;
  /** Of them, answered right. */
  readonly right: number;
}

/**
 * Counts answers. An image that is called none of the classes counts by its best class all the same: how many these are
 * is told beside it.
 *
 * @param labels of the images, in their order
 */
export function countAnswers(
  known: readonly string[],
  labels: readonly string[],
  predictions: readonly Prediction[],
): ExamResult {
  const classes = [...new Set([...known, ...labels])];
  const place = new Map(classes.map((name, i) => [name, i]));
  const confusion = classes.map(() => Array<number>(classes.length).fill(0));
  const none = Array<number>(classes.length).fill(0);
  labels.forEach((label, i) => {
    const { answers: [best], none: isNone } = predictions[i];
    const asked = place.get(label)!;
    if (best) confusion[asked][place.get(best.name)!]++;
    if (isNone) none[asked]++;
  });
  const right = confusion.reduce((sum, row, i) => sum + row[i], 0);
  return { classes, confusion, none, images: labels.length, right };
}
