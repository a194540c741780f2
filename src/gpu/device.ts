import { compiles, type Dialect, findDialect } from "./dialect.ts";
import type { ProviderName } from "./provider.ts";
import type { Tensor } from "./tensor_types.ts";

/** What the adapter says of itself; the same record goes into summaries and bench results. */
export interface AdapterDescription {
  /** Name of the vendor or its PCI number, as the driver has it. */
  readonly vendor: string;
  /** Family of the GPU; often empty. */
  readonly architecture: string;
  /** Its name, such as "llvmpipe (LLVM 15.0.6, 256 bits)". */
  readonly description: string;
  /** Whether a CPU plays the GPU. */
  readonly isFallback: boolean;
  /** Whose WebGPU drives it. Records of before there was a choice lack it: "deno". */
  readonly provider: ProviderName;
}

/** The adapter in a few words, for messages and summaries; another provider is another adapter. */
export function adapterName({ description, vendor, provider }: AdapterDescription): string {
  const name = description || vendor;
  return provider === "dawn" ? `${name}, by Dawn` : name;
}

/** What to open a device with. */
export interface OpenOptions {
  /** The entry point of an implementation of WebGPU; default: that of the host, `navigator.gpu`. */
  readonly entry?: GPU;
  /** Whose implementation it is, for the adapter's description; default "deno". */
  readonly provider?: ProviderName;
}

/** What uploads and read-backs ask of the recording of a run, which hangs itself on the device. */
export interface RunRecording {
  /** Whether the run is executed again on its way to where it was saved: then nothing runs on the GPU. */
  readonly replaying: boolean;
  /** What `read` gives now, or gave when the run was there before: so many words. */
  readBack(
    length: number,
    read: () => Promise<Uint32Array<ArrayBuffer>>,
  ): Promise<Uint32Array<ArrayBuffer>>;
  /** Told of uploads while the run is executed again, in words. */
  uploaded(words: number): void;
}

/** Optional features, in the order they are tried. Deno grants some that it does not list. */
export const optionalFeatures = ["timestamp-query", "subgroups"] as const;

/** The device is gone, or has no memory left: another device may go on from a checkpoint. */
export class DeviceError extends Error {
  /** Also tells it from other errors behind a worker's border. */
  override name = "DeviceError";
}

/**
 * An open WebGPU device that remembers its first error and counts its buffers.
 *
 * WebGPU reports validation errors as events, not exceptions, and a run that ignores them goes on with
 * wrong numbers. `Gpu` listens, keeps the first one, and every submission and read-back rethrows it.
 */
export class Gpu {
  /** WebGPU's own device. */
  readonly device: GPUDevice;
  /** Where it runs. */
  readonly adapter: AdapterDescription;
  /** Optional features that were granted and that kernels can use. */
  readonly features: ReadonlySet<string>;
  /** The adapter's limits, all of which the device has. */
  readonly limits: GPUSupportedLimits;
  /** What its compiler wants in front of kernels. */
  readonly dialect: Dialect;
  /**
   * What a run must not lose: tensors that programs change and later steps read, in order of allocation.
   *
   * @internal
   */
  readonly state: Set<Tensor> = new Set();
  /**
   * The recording of the run on this device; null where the run cannot be saved.
   *
   * @internal
   */
  recording: RunRecording | null = null;
  #failure: Error | null = null;
  #destroyed = false;
  #buffers = new Map<GPUBuffer, number>();
  #bytes = 0;
  readonly #pipelines: Map<string, GPUComputePipeline>;
  readonly #listening = new AbortController();
  #isShare = false;

  /** Takes over a device; {@linkcode openGpu} makes one. */
  constructor(
    device: GPUDevice,
    adapter: AdapterDescription,
    features: ReadonlySet<string>,
    dialect: Dialect = { subgroups: "" },
    pipelines: Map<string, GPUComputePipeline> = new Map(),
  ) {
    this.#pipelines = pipelines;
    this.device = device;
    this.dialect = dialect;
    this.adapter = adapter;
    this.features = features;
    this.limits = device.limits;
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      this.fail(
        // By name: each provider has a class of its own.
        error.constructor.name === "GPUOutOfMemoryError"
          ? new DeviceError(`Cannot go on: the GPU is out of memory (${error.message})`)
          : new Error(`Cannot run on the GPU: ${error.message}`),
      );
    }, { signal: this.#listening.signal });
    device.lost.then((info) => {
      if (this.#destroyed) return;
      this.fail(
        new DeviceError(
          `Cannot go on: the GPU device was lost (${info.reason || "unknown"}: ${info.message})`,
        ),
      );
    });
  }

  /**
   * Another one on the same device, with what is compiled already: recording, buffers and end are its own, the device
   * stays. What the device reports is told to all that share it.
   */
  share(): Gpu {
    const { device, adapter, features, dialect } = this;
    const other = new Gpu(device, adapter, features, dialect, this.#pipelines);
    other.#isShare = true;
    return other;
  }

  /** Compiled pipelines by shader text and constants: a key that cannot go stale. */
  get pipelines(): Map<string, GPUComputePipeline> {
    return this.#pipelines;
  }

  /** Buffers that are alive, and their bytes. Both are 0 after every owner called `destroy()`. */
  get memory(): { readonly buffers: number; readonly bytes: number } {
    return { buffers: this.#buffers.size, bytes: this.#bytes };
  }

  /** The buffers that are alive, by label. */
  get allocations(): { readonly label: string; readonly size: number }[] {
    return [...this.#buffers].map(([{ label }, size]) => ({ label, size }));
  }

  /** Keeps the first failure; later ones are mostly its echoes. */
  fail(error: Error): void {
    this.#failure ??= error;
  }

  /** Throws the first error that the device reported since it was opened. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Lets news of a lost device arrive, which WebGPU delivers a turn later than the failures that follow from it. */
  async heard(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = new Promise((resolve) => timer = setTimeout(resolve, 100));
    await Promise.race([this.device.lost, soon]);
    clearTimeout(timer);
  }

  /** A counted buffer, zeroed by WebGPU. Size in bytes, rounded up to 16 so that a vec4 view always fits. */
  createBuffer(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    if (size > this.limits.maxBufferSize) {
      throw new RangeError(
        `Cannot allocate ${label}: ${size} bytes asked for, the adapter allows ${this.limits.maxBufferSize} in one ` +
          `buffer; lower the batch size or the memory sizes`,
      );
    }
    const buffer = this.device.createBuffer({ label, size, usage });
    this.#buffers.set(buffer, size);
    this.#bytes += size;
    return buffer;
  }

  /** Frees a buffer made by {@linkcode createBuffer}. A buffer that is not destroyed is never collected. */
  destroyBuffer(buffer: GPUBuffer): void {
    const size = this.#buffers.get(buffer);
    if (size === undefined) return;
    this.#buffers.delete(buffer);
    this.#bytes -= size;
    buffer.destroy();
  }

  /**
   * Waits until all submitted work is done (at least 10 ms on Deno's own WebGPU), then throws what went wrong, if
   * anything.
   */
  async settle(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
    this.check();
  }

  /** Frees all buffers and, if it is the device's own, closes the device. */
  destroy(): void {
    this.#destroyed = true;
    for (const buffer of [...this.#buffers.keys()]) this.destroyBuffer(buffer);
    this.#listening.abort();
    if (!this.#isShare) this.device.destroy();
  }
}

/** Runs `build` inside validation and out-of-memory scopes and throws what they caught, `what` named first. */
export async function guarded<T>(gpu: Gpu, what: string, build: () => T): Promise<T> {
  const { device } = gpu;
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  let result: { readonly value: T } | { readonly thrown: unknown };
  try {
    result = { value: build() };
  } catch (thrown) {
    result = { thrown };
  }
  const validation = await device.popErrorScope();
  const memory = await device.popErrorScope();
  if ("thrown" in result) throw result.thrown;
  if (memory) {
    throw new DeviceError(`Cannot ${what}: the adapter is out of memory (${memory.message})`);
  }
  if (validation) throw new Error(`Cannot ${what}: ${validation.message}`);
  return result.value;
}

/**
 * Opens the adapter with all its limits and with those optional features that it really grants.
 *
 * @throws {Error} with the command to run when no adapter answers.
 */
export async function openGpu(
  { entry, provider = "deno" }: OpenOptions = {},
): Promise<Gpu> {
  const gpu = entry ?? navigator.gpu as GPU | undefined; // not everywhere there is WebGPU
  const first = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!gpu || !first) throw new Error(`Cannot open a GPU: ${noAdapter[provider]}`);
  // Deno grants some features that it does not list, so those are asked for; each refusal costs a device.
  const listed = optionalFeatures.filter((feature) => first.features.has(feature));
  const [adapter, device, granted] = await requestFrom(first, optionalFeatures) ??
    await requestAgain(gpu, listed);
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const features = new Set(granted);
  const dialect = await findDialect(features.has("subgroups"), (code) => compiles(device, code));
  // Of no use where the compiler does not know them.
  if (dialect.subgroups === null) features.delete("subgroups");
  return new Gpu(
    device,
    { vendor, architecture, description, isFallback: isFallbackAdapter ?? false, provider },
    features,
    dialect,
  );
}

/** Why there is no adapter, and what helps. */
const noAdapter: Readonly<Record<ProviderName, string>> = {
  deno: "no WebGPU adapter answers; on Debian or Ubuntu a software adapter comes with " +
    "`apt-get install libvulkan1 mesa-vulkan-drivers`",
  dawn:
    "Dawn accepts no adapter of this machine (it asks more of a driver than Deno does: Mesa's software adapter " +
    "of version 22 is too old, 25 will do); update the driver, or leave --provider dawn out",
};

type Opened = readonly [adapter: GPUAdapter, device: GPUDevice, features: readonly string[]];

/** Adds to the `sure` features, one by one, those that a device can be had with, and returns the last device. */
async function requestAgain(gpu: GPU, sure: readonly string[]): Promise<Opened> {
  // An adapter hands out one device only, so each comes from a fresh adapter.
  const request = async (features: readonly string[]) => {
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw new Error("Cannot open a GPU: the adapter no longer answers; try again");
    return await requestFrom(adapter, features);
  };
  let opened = await request(sure);
  for (const feature of optionalFeatures) {
    if (sure.includes(feature)) continue;
    const more = await request([...opened?.[2] ?? [], feature]);
    if (!more) continue;
    opened?.[1].destroy();
    opened = more;
  }
  opened ??= await request([]);
  if (!opened) {
    throw new Error("Cannot open a GPU: the adapter refuses a device; update its driver");
  }
  return opened;
}

/** A device with these features and the adapter's limits, or null where it is refused. */
async function requestFrom(
  adapter: GPUAdapter,
  features: readonly string[],
): Promise<Opened | null> {
  try {
    const device = await adapter.requestDevice({
      label: "wscl",
      requiredFeatures: features as GPUFeatureName[],
      requiredLimits: wantedLimits(adapter.limits),
    });
    return [adapter, device, features];
  } catch (error) {
    // The one question asked here is whether the request is refused, and this is how WebGPU says so.
    if (error instanceof Error) return null;
    throw error;
  }
}

/** The default limits are small (128 MiB a binding, 8 storage buffers a stage): ask for what the adapter has. */
function wantedLimits(limits: GPUSupportedLimits): Record<string, number> {
  const names = [
    "maxBufferSize",
    "maxStorageBufferBindingSize",
    "maxStorageBuffersPerShaderStage",
    "maxComputeWorkgroupStorageSize",
    "maxComputeInvocationsPerWorkgroup",
    "maxComputeWorkgroupSizeX",
    "maxComputeWorkgroupSizeY",
    "maxComputeWorkgroupSizeZ",
  ] as const;
  return Object.fromEntries(names.map((name) => [name, limits[name]]));
}
