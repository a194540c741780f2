import { dawn } from "./dawn.ts";

/** Whose WebGPU the program runs on: Deno's own (wgpu), or Dawn, Chromium's. */
export type ProviderName = "deno" | "dawn";

/** All of them, the default first. */
export const providers = ["deno", "dawn"] as const satisfies readonly ProviderName[];

/**
 * The entry point of an implementation; undefined where Deno has no WebGPU. Both give the same objects, and the constants
 * of WebGPU (`GPUBufferUsage` and its like) are numbers fixed by its specification: Deno's serve both.
 *
 * @throws {Error} where Dawn cannot be had, with the reason and what to do.
 */
export async function entryPoint(provider: ProviderName): Promise<GPU | undefined> {
  if (provider === "deno") return navigator.gpu as GPU | undefined;
  return await dawn();
}

/**
 * WGSL that a provider wants in front of a kernel, without a line break, so that line numbers stay those of the file.
 *
 * Dawn knows subgroups only where they are enabled; Deno refuses the directive, and knows them wherever the device does.
 * Dawn also wants to prove that all lanes of a subgroup arrive at its operations, which it cannot where a loop's bounds
 * come from the thread's number; that is left to the kernels, as on Deno.
 */
export function directives(provider: ProviderName, code: string): string {
  if (provider !== "dawn" || !/\bsubgroup[A-Z]\w*\s*\(/.test(code)) return "";
  return "enable subgroups; diagnostic(off, subgroup_uniformity); ";
}
