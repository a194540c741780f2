import { join } from "node:path";
import type { Remembered } from "../check/tuned.ts";
import { sha256 } from "../digest.ts";
import { diskProblem } from "./durable.ts";
import { writeJson } from "./run_folder.ts";
import { digestOfKernels } from "../experiment/run_identity.ts";
import type { Gpu } from "../gpu/device.ts";

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

/**
 * Keeps what was found, beside what others have kept meanwhile for other layers; where that cannot be written, says so
 * and goes on.
 */
export async function writeRemembered(
  gpu: Gpu,
  cacheDir: string,
  remembered: Remembered,
  warn: (text: string) => void,
): Promise<void> {
  const path = await pathOf(gpu, cacheDir);
  try {
    Deno.mkdirSync(cacheDir, { recursive: true });
    const choices = { ...Object.fromEntries(await readRemembered(gpu, cacheDir)) };
    for (const [task, name] of remembered) choices[task] = name;
    writeJson(path, { adapter: gpu.adapter, choices });
  } catch (error) {
    warn(`Cannot remember the tuning in ${path}: ${diskProblem(error)}; it is repeated next time`);
  }
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
