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
