import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Precision } from "../ops/storage.ts";

/** What takes memory on the GPU, which buffers belong to it, and which settings decide how much it is. */
const parts = [
  {
    name: "parameters",
    labels: /^network\/(values|velocities|running|gradients|mask)/,
    settings: "network.width",
  },
  {
    name: "activations",
    labels: /^network\//,
    settings: "batchSize, replayBatchSize, evaluation.batchSize, network.width, data.size",
  },
  {
    name: "images",
    labels: /^images\//,
    settings: "data.train.trainPerClass, data.dreams.trainPerClass, data.size",
  },
  {
    name: "memories",
    labels: /^(memories\/|memory snapshot\/)/,
    settings: "memory.longTerm, memory.shortTerm, data.size",
  },
  {
    name: "freezing search",
    labels: /^freezing search/,
    settings: "freezing.maxBlocks, network.width",
  },
  { name: "the rest", labels: /^/, settings: "batchSize" },
] as const;

/** How the memory of a device is used now: bytes by what they are for, the largest first. */
export function memoryUse(
  { allocations }: Pick<Gpu, "allocations">,
): { readonly name: string; readonly bytes: number; readonly settings: string }[] {
  const bytes = new Map<string, number>();
  for (const { label, size } of allocations) {
    const { name } = parts.find(({ labels }) => labels.test(label))!;
    bytes.set(name, (bytes.get(name) ?? 0) + size);
  }
  return parts.map(({ name, settings }) => ({ name, settings, bytes: bytes.get(name) ?? 0 }))
    .sort((a, b) => b.bytes - a.bytes);
}

/** `1.2 GB: activations 0.8 GB, parameters 0.3 GB, ...`, without what rounds to nothing. */
export function describeMemory(gpu: Pick<Gpu, "allocations">): string {
  const use = memoryUse(gpu);
  const total = use.reduce((sum, { bytes }) => sum + bytes, 0);
  const shown = use.filter(({ bytes }) => bytes >= total / 100);
  return `${size(total)}: ${shown.map(({ name, bytes }) => `${name} ${size(bytes)}`).join(", ")}`;
}

/**
 * Allocates what a run of this precision needs and waits until the device has really given it.
 *
 * @throws {InputError} if it does not fit, with what takes how much and the settings that decide it.
 */
export async function allocate<T>(
  gpu: Pick<Gpu, "device" | "allocations">,
  precision: Precision,
  make: () => T,
): Promise<T> {
  const { device } = gpu;
  device.pushErrorScope("out-of-memory");
  let made: { readonly value: T } | { readonly thrown: unknown };
  try {
    made = { value: make() };
  } catch (thrown) {
    made = { thrown };
  }
  const refused = await device.popErrorScope();
  const [largest] = memoryUse(gpu);
  const narrower = largest.name === "activations" && precision === "full"
    ? ', or set precision to "mixed"'
    : "";
  const advice = `most of it is for ${largest.name}: lower ${largest.settings}${narrower}`;
  if ("thrown" in made) {
    if (!(made.thrown instanceof RangeError)) throw made.thrown;
    throw new InputError(made.thrown.message);
  }
  if (refused) {
    throw new InputError(
      `Cannot start: the GPU has no room for what this configuration needs (${
        describeMemory(gpu)
      }); ${advice}`,
    );
  }
  return made.value;
}

function size(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
