import { type Gpu, openGpu as openGpuAt } from "../gpu/device.ts";
import type { ProviderName } from "../gpu/provider.ts";
import { openDawn } from "./dawn.ts";

/** What to open a device with. */
export interface OpenOptions {
  /** Default "deno"; "dawn" is fetched at its first use, and needs `--allow-ffi`. */
  readonly provider?: ProviderName;
}

/**
 * Opens the adapter with all its limits and with those optional features that it really grants.
 *
 * @throws {Error} with the command to run when no adapter answers, and where Dawn cannot be had.
 */
export async function openGpu({ provider = "deno" }: OpenOptions = {}): Promise<Gpu> {
  return await openGpuAt(provider === "dawn" ? { provider, entry: await openDawn() } : {});
}
