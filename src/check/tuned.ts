import type { Gpu } from "../gpu/device.ts";
import {
  conv2dCandidates,
  type Conv2dChoice,
  type Conv2dPass,
  type Conv2dShape,
  type Conv2dVariant,
  defaultVariant,
  variantName,
} from "../ops/conv2d_variants.ts";
import type { StoredType } from "../ops/storage.ts";
import type { Conv2dTask } from "./kernel_case.ts";

/** Names of the variants that were found best on an adapter, by task. */
export type Remembered = Map<string, string>;

/** How a task is called in the file. */
export function taskName({ pass, layer, rows, stored }: Conv2dTask): string {
  const { inputChannels, outputChannels, kernel, stride, inputHeight, inputWidth } = layer;
  return `${pass} ${inputChannels}>${outputChannels} ${kernel}x${kernel}/${stride} ` +
    `${inputHeight}x${inputWidth} batch ${rows} ${stored}`;
}

/** The variant that was remembered for a task, if it is one that the adapter takes. */
export function rememberedVariant(
  gpu: Gpu,
  remembered: Remembered,
  task: Conv2dTask,
): Conv2dVariant | null {
  const name = remembered.get(taskName(task));
  if (name === undefined) return null;
  const candidates = conv2dCandidates(gpu, task.pass, task.layer, task.rows);
  return candidates.find((variant) => variantName(variant) === name) ?? null;
}

/** Convolutions of batches of so many images as they were found best, or else by default. */
export function rememberedChoice(
  gpu: Gpu,
  remembered: Remembered,
  rows: number,
  stored: StoredType,
): Conv2dChoice {
  const byDefault = defaultVariant(gpu);
  return (pass: Conv2dPass, layer: Conv2dShape) =>
    rememberedVariant(gpu, remembered, { pass, layer, rows, stored }) ?? byDefault(pass, layer);
}
