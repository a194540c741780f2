import { join } from "node:path";
import type { Gpu } from "../../gpu/device.ts";
import {
  conv2dCandidates,
  type Conv2dChoice,
  type Conv2dPass,
  type Conv2dShape,
  type Conv2dVariant,
  defaultVariant,
  variantName,
} from "../../ops/conv2d_variants.ts";
import type { StoredType } from "../../ops/storage.ts";
import { sha256 } from "../../digest.ts";
import { diskProblem } from "../../host/durable.ts";
import { writeJson } from "../../host/run_folder.ts";
import { digestOfKernels } from "../run_identity.ts";
import type { TuningTask } from "./search.ts";

/** Names of the variants that were found best on an adapter, by task. */
export type Remembered = Map<string, string>;

/** How a task is called in the file. */
export function taskName({ pass, layer, rows, stored }: TuningTask): string {
  const { inputChannels, outputChannels, kernel, stride, inputHeight, inputWidth } = layer;
  return `${pass} ${inputChannels}>${outputChannels} ${kernel}x${kernel}/${stride} ` +
    `${inputHeight}x${inputWidth} batch ${rows} ${stored}`;
}

/** What was remembered for this adapter and these texts of the kernels; nothing where there is no such file. */
export async function readRemembered(gpu: Gpu, cacheDir: string): Promise<Remembered> {
  let found: unknown;
  try {
    found = JSON.parse(Deno.readTextFileSync(await pathOf(gpu, cacheDir)));
  } catch {
    return new Map(); // not there, or broken: then the defaults serve, or it is tuned again
  }
  const { choices } = (found ?? {}) as { choices?: unknown };
  if (typeof choices !== "object" || choices === null) return new Map();
  return new Map(Object.entries(choices).filter(([, name]) => typeof name === "string"));
}

/** Keeps what was found; where that cannot be written, says so and goes on. */
export async function writeRemembered(
  gpu: Gpu,
  cacheDir: string,
  remembered: Remembered,
  warn: (text: string) => void,
): Promise<void> {
  const path = await pathOf(gpu, cacheDir);
  try {
    Deno.mkdirSync(cacheDir, { recursive: true });
    const part = `${path}.${Deno.pid}.part`;
    writeJson(part, { adapter: gpu.adapter, choices: Object.fromEntries(remembered) });
    Deno.renameSync(part, path);
  } catch (error) {
    warn(`Cannot remember the tuning in ${path}: ${diskProblem(error)}; it is repeated next time`);
  }
}

/** The variant that was remembered for a task, if it is one that the adapter takes. */
export function rememberedVariant(
  gpu: Gpu,
  remembered: Remembered,
  task: TuningTask,
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

async function pathOf({ adapter, features }: Gpu, cacheDir: string): Promise<string> {
  const about = JSON.stringify([
    adapter,
    [...features],
    Deno.version.deno,
    await digestOfKernels("conv2d_"),
  ]);
  const key = (await sha256(new TextEncoder().encode(about))).slice(0, 24);
  return join(cacheDir, `tuning-${key}.json`);
}
