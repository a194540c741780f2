/**
 * Whose WebGPU the program runs on: "deno" is the one that the host has built in (in Deno wgpu), "dawn" is Chromium's,
 * loaded as a native addon. Both give the same objects, and the constants of WebGPU (`GPUBufferUsage` and its like) are
 * numbers fixed by its specification, so that the host's serve both.
 */
export type ProviderName = "deno" | "dawn";

/** All of them, the default first. */
export const providers = ["deno", "dawn"] as const satisfies readonly ProviderName[];
