import denoConfig from "../../deno.json" with { type: "json" };
import { DAWN_PACKAGE } from "./dawn.ts";
import type { Gpu, optionalFeatures } from "../gpu/device.ts";
import { openGpu } from "./open_gpu.ts";
import type { ProviderName } from "../gpu/provider.ts";
import { conv2dWantsSubgroups } from "../ops/conv2d_variants.ts";
import { type KernelCheck, selfTest } from "../check/self_test.ts";

/** What the doctor examines with; replaced in tests. */
export interface DoctorTools {
  readonly open: typeof openGpu;
  readonly test: (gpu: Gpu) => Promise<KernelCheck[]>;
}

/**
 * Prints what training would run on: versions, adapter, features found by trying, limits, and a self-test of every
 * kernel; behind each finding that is not as it should be stands what to do.
 *
 * @returns whether this machine can be trusted with a training run.
 */
export async function runDoctor(
  print: (line: string) => void,
  provider: ProviderName = "deno",
  { open, test }: DoctorTools = { open: openGpu, test: selfTest },
): Promise<boolean> {
  const { version, build } = Deno;
  print(`wscl ${denoConfig.version}, Deno ${version.deno}, ${build.os} ${build.arch}`);
  let gpu: Gpu;
  try {
    gpu = await open({ provider });
  } catch (error) {
    print("");
    print(`adapter: none (${messageOf(error)})`);
    // What is wrong with Dawn alone is in its message.
    const advice = provider === "dawn" ? [] : howToGetAnAdapter;
    for (const line of advice) print(`  ${line}`);
    return false;
  }
  try {
    describeAdapter(gpu, print);
    describeFeatures(gpu, print);
    describeLimits(gpu, print);
    return await describeKernels(gpu, test, print);
  } catch (error) {
    print(`  the self-test could not go on: ${messageOf(error)}`);
    return false;
  } finally {
    gpu.destroy();
  }
}

const howToGetAnAdapter = {
  linux: [
    "Training needs a Vulkan driver. If this machine has a GPU, install the driver of its vendor.",
    "Otherwise a software driver does the work on the CPU:",
    "  Debian, Ubuntu:  sudo apt-get update && sudo apt-get install -y libvulkan1 mesa-vulkan-drivers",
    "  Fedora:          sudo dnf install -y vulkan-loader mesa-vulkan-drivers",
    "  Arch:            sudo pacman -S vulkan-icd-loader vulkan-swrast",
    "and run ./wscl doctor again.",
  ],
  other: [
    "Training needs a GPU driver with Vulkan, Metal or Direct3D 12: install the vendor's newest one",
    "and run ./wscl doctor again.",
  ],
}[Deno.build.os === "linux" ? "linux" : "other"];

/** PCI numbers that drivers give instead of a name. */
const vendors: Readonly<Record<string, string>> = {
  0x1002: "AMD",
  0x106b: "Apple",
  0x10de: "NVIDIA",
  0x13b5: "Arm",
  0x5143: "Qualcomm",
  0x8086: "Intel",
  0x10005: "Mesa",
};

function describeAdapter({ adapter }: Gpu, print: (line: string) => void): void {
  const { vendor, architecture, description, isFallback, provider } = adapter;
  const row = (name: string, value: string) => print(`  ${name.padEnd(14)}${value || "not told"}`);
  print("");
  print("adapter");
  row("name", description);
  row("vendor", vendors[vendor] ? `${vendors[vendor]} (${vendor})` : vendor);
  row("architecture", architecture);
  row("WebGPU", provider === "dawn" ? `Dawn (${DAWN_PACKAGE})` : "Deno's own");
  row("kind", isFallback ? "software: the CPU does the work" : "GPU");
  if (isFallback) {
    print(
      "  -> right but slow. If this machine has a GPU, its Vulkan driver is missing: install it",
    );
  }
}

type Feature = (typeof optionalFeatures)[number];

const features: Readonly<Record<Feature, { used: (gpu: Gpu) => string; missing: string }>> = {
  "timestamp-query": {
    used: () => "times single kernels in profiles",
    missing: "profiles of single kernels are off; training does not need it",
  },
  "subgroups": {
    used: (gpu) =>
      conv2dWantsSubgroups(gpu)
        ? "convolutions hand weights round among lanes"
        : "not used: on this adapter plain loads of weights are as good",
    missing: "convolutions load each weight in every lane: slower on a CPU, the same results",
  },
};

function describeFeatures(gpu: Gpu, print: (line: string) => void): void {
  print("");
  print("features, found by trying");
  for (const [name, { used, missing }] of Object.entries(features)) {
    const has = gpu.features.has(name);
    print(`  ${name.padEnd(18)}${has ? "yes" : "no "}  ${has ? used(gpu) : missing}`);
  }
}

/** Limits that decide what can run, with the value that WebGPU promises everywhere. */
const limits = [
  ["largest buffer", "maxBufferSize", 2 ** 28, bytes],
  ["largest binding", "maxStorageBufferBindingSize", 2 ** 27, bytes],
  ["bindings per kernel", "maxStorageBuffersPerShaderStage", 8, String],
  ["workgroup memory", "maxComputeWorkgroupStorageSize", 2 ** 14, bytes],
  ["threads per workgroup", "maxComputeInvocationsPerWorkgroup", 256, String],
] as const;

function describeLimits(gpu: Gpu, print: (line: string) => void): void {
  print("");
  print("limits");
  for (const [name, key, promised, show] of limits) {
    const value = gpu.limits[key];
    print(`  ${name.padEnd(24)}${show(value)}`);
    if (value < promised) {
      print(`  -> less than WebGPU's ${show(promised)}: probably an OpenGL driver; use Vulkan`);
      print("     (DENO_WEBGPU_BACKEND=vulkan), Metal or Direct3D 12");
    }
  }
}

async function describeKernels(
  gpu: Gpu,
  test: DoctorTools["test"],
  print: (line: string) => void,
): Promise<boolean> {
  print("");
  print("kernels against plain double-precision code: worst relative error (limit)");
  const started = performance.now();
  const checks = await test(gpu);
  for (const { kernel, error, limit, ok, problem } of checks) {
    const shown = error === 0 ? "0" : error.toExponential(1);
    const allowed = limit === 0 ? "exact" : limit.toExponential();
    print(`  ${ok ? "ok   " : "WRONG"}  ${kernel.padEnd(37)}${shown.padEnd(10)}(${allowed})`);
    if (problem !== null) print(`         ${problem.replaceAll("\n", "\n         ")}`);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const wrong = checks.filter(({ ok }) => !ok).length;
  print("");
  if (wrong === 0) {
    print(`All ${checks.length} kernels are right (${seconds} s): ready to train`);
    return true;
  }
  print(
    `${wrong} of ${checks.length} kernels are WRONG: results of this adapter cannot be trusted`,
  );
  print(
    "  -> install the vendor's newest driver and run ./wscl doctor again, or train on the CPU:",
  );
  print("     VK_DRIVER_FILES=/usr/share/vulkan/icd.d/lvp_icd.x86_64.json ./wscl doctor");
  return false;
}

function bytes(count: number): string {
  if (count >= 2 ** 30) return `${(count / 2 ** 30).toFixed(1)} GiB`;
  return count >= 2 ** 20 ? `${Math.floor(count / 2 ** 20)} MiB` : `${count / 2 ** 10} KiB`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
