import type { Gpu } from "./device.ts";
import type { ElementType, Tensor, TensorRange } from "./tensor_types.ts";

export type { ElementType, Tensor, TensorRange } from "./tensor_types.ts";

const elementBytes = { f32: 4, u32: 4, f16: 2 } as const;

const storageUsage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

/**
 * Owner of a group of tensors that live and die together.
 *
 * Every tensor is a buffer of its own: WebGPU refuses a dispatch that reads one part of a buffer and writes another.
 */
export class Arena {
  readonly #gpu: Gpu;
  readonly #label: string;
  readonly #state: boolean;
  readonly #tensors: Tensor[] = [];

  /**
   * `state: false` says that nothing in these tensors has to outlive a step, or that the host uploads it again: they
   * are left out of checkpoints.
   */
  constructor(gpu: Gpu, label: string, { state = true }: { readonly state?: boolean } = {}) {
    this.#gpu = gpu;
    this.#label = label;
    this.#state = state;
  }

  get gpu(): Gpu {
    return this.#gpu;
  }

  /** Bytes held by this arena. */
  get bytes(): number {
    return this.#tensors.reduce((sum, tensor) => sum + tensor.buffer.size, 0);
  }

  /**
   * A zeroed tensor. `f16` is for activations: lengths are multiples of 4, and an arena of state, which checkpoints
   * save, has none.
   */
  tensor(name: string, shape: readonly number[], type: ElementType = "f32"): Tensor {
    const label = `${this.#label}/${name}`;
    const length = shape.reduce((product, extent) => product * extent, 1);
    if (!Number.isSafeInteger(length) || shape.some((extent) => extent < 0)) {
      throw new TypeError(`Cannot create tensor ${label}: shape [${shape}] is not a list of sizes`);
    }
    if (type === "f16" && (length % 4 !== 0 || this.#state)) {
      throw new TypeError(
        `Cannot create tensor ${label}: ${
          this.#state ? "state is not kept in f16" : `${length} elements of f16 are not groups of 4`
        }`,
      );
    }
    const bytes = length * elementBytes[type];
    const limit = this.#gpu.limits.maxStorageBufferBindingSize;
    if (bytes > limit) {
      throw new RangeError(
        `Cannot create tensor ${label}: shape [${shape}] takes ${bytes} bytes, a kernel of this adapter can ` +
          `reach ${limit}; lower the batch size, the network width or the memory sizes`,
      );
    }
    const buffer = this.#gpu.createBuffer(label, bytes, storageUsage);
    const tensor = { label, shape, type, buffer, length };
    this.#tensors.push(tensor);
    if (this.#state) this.#gpu.state.add(tensor);
    return tensor;
  }

  destroy(): void {
    for (const tensor of this.#tensors.splice(0)) {
      this.#gpu.state.delete(tensor);
      this.#gpu.destroyBuffer(tensor.buffer);
    }
  }
}

/** The first `length` elements of a tensor, to be read back. */
export function head(tensor: Tensor, length: number): Tensor {
  return { ...tensor, length: Math.min(length, tensor.length), shape: [length] };
}

/** The first elements of a tensor as one of another shape. */
export function reshaped(tensor: Tensor, shape: readonly number[]): Tensor {
  const length = shape.reduce((product, extent) => product * extent, 1);
  if (length > tensor.length) {
    throw new RangeError(
      `Cannot reshape ${tensor.label}: [${shape}] is ${length} elements, it has ${tensor.length}`,
    );
  }
  return { ...tensor, shape, length };
}

/** The whole of a tensor, or `length` elements of it from element `start`, as a kernel binding. */
export function range(tensor: Tensor, start = 0, length = tensor.length - start): TensorRange {
  if (start < 0 || start + length > tensor.length) {
    throw new RangeError(
      `Cannot bind ${tensor.label}: elements ${start} to ${
        start + length
      } lie outside its ${tensor.length}`,
    );
  }
  const bytes = elementBytes[tensor.type];
  if ((start * bytes) % 256 !== 0) {
    throw new RangeError(
      `Cannot bind ${tensor.label}: element ${start} is not at a multiple of 256 bytes`,
    );
  }
  return { tensor, offset: start * bytes, size: Math.max(16, Math.ceil(length * bytes / 16) * 16) };
}

/** The whole of a tensor for a kernel that looks at the bits of its elements, each a u32. */
export function bitsOf(tensor: Tensor): TensorRange {
  return { ...range(tensor), type: "u32" };
}

/**
 * Copies host values into a tensor, from element `start` on; ordered with the submissions around it. Values for `f16`
 * are rounded to it, and written two by two.
 */
export function upload(
  gpu: Gpu,
  tensor: Tensor,
  values: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
  start = 0,
): void {
  const expected = tensor.type === "u32" ? Uint32Array : Float32Array;
  if (!(values instanceof expected)) {
    throw new TypeError(
      `Cannot upload to ${tensor.label}: it holds ${tensor.type}, got ${values.constructor.name}`,
    );
  }
  if (start + values.length > tensor.length) {
    throw new RangeError(
      `Cannot upload to ${tensor.label}: ${values.length} elements from ${start} on, it has ${tensor.length}`,
    );
  }
  const half = tensor.type === "f16";
  if (half && (start % 2 !== 0 || values.length % 2 !== 0)) {
    throw new RangeError(
      `Cannot upload to ${tensor.label}: ${values.length} elements from ${start} on are not pairs of f16`,
    );
  }
  if (gpu.recording?.replaying) {
    if (gpu.state.has(tensor)) return;
    gpu.recording.uploaded(values.length);
  }
  const data = half ? new Uint16Array(new Float16Array(values).buffer) : values;
  // A size past its source aborts the process in Deno's WebGPU, so the size is always the array's own.
  gpu.device.queue.writeBuffer(
    tensor.buffer,
    start * elementBytes[tensor.type],
    data,
    0,
    data.length,
  );
}

/** Puts bits into a tensor, replay or not. */
export function writeWords(gpu: Gpu, tensor: Tensor, words: Uint32Array<ArrayBuffer>): void {
  if (words.length !== tensor.length) {
    throw new RangeError(
      `Cannot restore ${tensor.label}: ${words.length} elements, it has ${tensor.length}`,
    );
  }
  gpu.device.queue.writeBuffer(tensor.buffer, 0, words, 0, words.length);
}

/**
 * Copies tensors to the host in one mapping, since each mapping costs at least 10 ms on Deno's own WebGPU and waits
 * until the queue has drained.
 */
export async function download(
  gpu: Gpu,
  tensors: readonly Tensor[],
): Promise<(Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>)[]> {
  const read = () => readWords(gpu, tensors);
  const { recording } = gpu;
  const total = tensors.reduce((sum, tensor) => sum + wordsOf(tensor), 0);
  const words = recording ? await recording.readBack(total, read) : await read();
  let start = 0;
  return tensors.map((tensor) => {
    const part = words.slice(start, start += wordsOf(tensor));
    if (tensor.type === "u32") return part;
    if (tensor.type === "f32") return new Float32Array(part.buffer);
    return Float32Array.from(new Float16Array(part.buffer, 0, tensor.length));
  });
}

/** 32-bit words that hold a tensor's elements. */
function wordsOf({ type, length }: Tensor): number {
  return Math.ceil(length * elementBytes[type] / 4);
}

/** The bits of tensors, one after another, as they are now; see {@linkcode download}. */
export async function readWords(
  gpu: Gpu,
  tensors: readonly Tensor[],
): Promise<Uint32Array<ArrayBuffer>> {
  return await readParts(
    gpu,
    tensors.map((tensor) => ({ tensor, start: 0, words: wordsOf(tensor) })),
  );
}

/** Some ranges of a u32 tensor, `length` elements from each of `starts` on, one after another. */
export async function downloadRanges(
  gpu: Gpu,
  tensor: Tensor,
  starts: readonly number[],
  length: number,
): Promise<Uint32Array<ArrayBuffer>> {
  const read = () => readParts(gpu, starts.map((start) => ({ tensor, start, words: length })));
  const { recording } = gpu;
  return recording ? await recording.readBack(starts.length * length, read) : await read();
}

/** Parts of tensors, from a word on, copied into one buffer that is mapped. */
async function readParts(
  gpu: Gpu,
  parts: readonly { readonly tensor: Tensor; readonly start: number; readonly words: number }[],
): Promise<Uint32Array<ArrayBuffer>> {
  const total = parts.reduce((sum, { words }) => sum + words * 4, 0);
  const staging = gpu.createBuffer(
    "download",
    total,
    GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  );
  try {
    const encoder = gpu.device.createCommandEncoder({ label: "download" });
    let offset = 0;
    for (const { tensor, start, words } of parts) {
      encoder.copyBufferToBuffer(tensor.buffer, start * 4, staging, offset, words * 4);
      offset += words * 4;
    }
    gpu.device.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(GPUMapMode.READ);
    } catch (error) {
      await gpu.heard();
      gpu.check();
      const labels = [...new Set(parts.map(({ tensor }) => tensor.label))];
      throw new Error(`Cannot read back ${labels.join(", ")}: ${(error as Error).message}`);
    }
    gpu.check();
    const bytes = staging.getMappedRange().slice(0);
    staging.unmap();
    return new Uint32Array(bytes, 0, total / 4);
  } finally {
    gpu.destroyBuffer(staging);
  }
}

/** {@linkcode download} of one f32 or f16 tensor. */
export async function downloadF32(gpu: Gpu, tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
  const [values] = await download(gpu, [tensor]);
  if (!(values instanceof Float32Array)) {
    throw new TypeError(`Cannot read ${tensor.label} as f32: it holds ${tensor.type}`);
  }
  return values;
}

/** {@linkcode download} of one u32 tensor. */
export async function downloadU32(gpu: Gpu, tensor: Tensor): Promise<Uint32Array<ArrayBuffer>> {
  const [values] = await download(gpu, [tensor]);
  if (!(values instanceof Uint32Array)) {
    throw new TypeError(`Cannot read ${tensor.label} as u32: it holds ${tensor.type}`);
  }
  return values;
}

/** Copies tensors into others of the same type and length, or their first `length` elements, on the GPU. */
export function copyTensor(
  gpu: Gpu,
  pairs: readonly (readonly [source: Tensor, target: Tensor])[],
  length?: number,
): void {
  for (const [source, target] of pairs) {
    if (source.length !== target.length) {
      throw new TypeError(
        `Cannot copy ${source.label} to ${target.label}: ${source.length} elements against ${target.length}`,
      );
    }
    if (source.type !== target.type) {
      throw new TypeError(
        `Cannot copy ${source.label} to ${target.label}: ${source.type} against ${target.type}`,
      );
    }
  }
  if (gpu.recording?.replaying) return;
  const encoder = gpu.device.createCommandEncoder({ label: "copy" });
  for (const [source, target] of pairs) {
    const bytes = (length ?? source.length) * elementBytes[source.type];
    encoder.copyBufferToBuffer(source.buffer, 0, target.buffer, 0, bytes);
  }
  gpu.device.queue.submit([encoder.finish()]);
}
