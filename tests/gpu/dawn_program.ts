/**
 * What dawn_test.ts asks of Dawn, in a process of its own: its package is in another lock file, and a native library
 * that fails takes the process along. Prints one line of JSON.
 */

import { join } from "node:path";
import { loadConfig } from "../../src/host/load_config.ts";
import { launch } from "../../src/host/launch.ts";
import { writeJson } from "../../src/host/run_folder.ts";
import { type KernelCheck, selfTest } from "../../src/check/self_test.ts";
import type { Summary } from "../../src/experiment/summary.ts";
import { type AdapterDescription, type Gpu, guarded } from "../../src/gpu/device.ts";
import { openGpu } from "../../src/host/open_gpu.ts";
import { defineKernel, pipelineOf } from "../../src/gpu/kernel.ts";
import { Arena, downloadU32, upload } from "../../src/gpu/tensor.ts";
import type { ProviderName } from "../../src/gpu/provider.ts";
import { outcome, tinyOptions } from "../reliability/tiny.ts";

/** What the program found out. */
export interface DawnFindings {
  readonly adapter: AdapterDescription;
  readonly checks: readonly KernelCheck[];
  /** Of a kernel with subgroups and a mistake in its second line, and of a buffer without end. */
  readonly messages: {
    readonly wgsl: string;
    readonly memory: string;
    readonly uncaptured: string;
  };
  /** Numbers that were uploaded from the second element on, and read back. */
  readonly readBack: readonly number[];
  readonly runs: Readonly<
    Record<ProviderName, { losses: number[]; summary: Summary; digest: string }>
  >;
}

async function messageOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
  return "nothing was thrown";
}

async function errors(gpu: Gpu): Promise<DawnFindings["messages"]> {
  const broken = defineKernel({
    name: "broken",
    code: "@compute @workgroup_size(64) fn main() {\n  let sum: u32 = subgroupAdd(1.5); }",
  });
  const { device } = gpu;
  const usage = GPUBufferUsage.STORAGE;
  const wgsl = await messageOf(() => pipelineOf(gpu, broken, {}));
  const memory = await messageOf(() =>
    guarded(gpu, "fill it", () => device.createBuffer({ size: gpu.limits.maxBufferSize, usage }))
  );
  device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | usage });
  const uncaptured = await messageOf(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    await gpu.settle();
  });
  return { wgsl, memory, uncaptured };
}

async function readBack(gpu: Gpu): Promise<number[]> {
  const arena = new Arena(gpu, "numbers", { state: false });
  const tensor = arena.tensor("u32", [6], "u32");
  upload(gpu, tensor, Uint32Array.of(9, 1, 2, 3).subarray(1), 2);
  const found = await downloadU32(gpu, tensor);
  arena.destroy();
  return [...found];
}

/** A tiny experiment in a worker. */
async function tinyRun(folder: string, provider: ProviderName) {
  const config = join(folder, "config.json");
  writeJson(config, tinyOptions);
  const out = join(folder, provider);
  Deno.mkdirSync(out);
  const losses: number[] = [];
  const summary = await launch(await loadConfig(config), {
    ...{ dataRoot: folder, cacheDir: join(folder, "cache"), out, init: null },
    ...{ provider, skipSelfTest: true },
    onEvent: (event) => {
      if (event.type === "step") losses.push(event.loss);
    },
  });
  return { losses, summary, digest: String((await outcome(out)).digest) };
}

const gpu = await openGpu({ provider: "dawn" });
const { adapter } = gpu;
if (Deno.args[0] === "probe") {
  gpu.destroy();
  console.log(JSON.stringify({ adapter }));
} else {
  const checks = await selfTest(gpu);
  const numbers = await readBack(gpu);
  const messages = await errors(gpu);
  gpu.destroy();
  const folder = Deno.makeTempDirSync();
  try {
    const runs = { deno: await tinyRun(folder, "deno"), dawn: await tinyRun(folder, "dawn") };
    const findings: DawnFindings = { adapter, checks, messages, readBack: numbers, runs };
    console.log(JSON.stringify(findings));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
