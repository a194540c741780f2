import type { Gpu } from "./device.ts";

/** Element type of a {@linkcode Tensor}; both take 4 bytes. */
export type ElementType = "f32" | "u32";

/** A GPU buffer with a shape, row-major, last axis fastest. */
export interface Tensor {
  readonly label: string;
  readonly shape: readonly number[];
  readonly type: ElementType;
  readonly buffer: GPUBuffer;
  /** Elements, that is the product of the shape. */
  readonly length: number;
}

/** A part of a tensor that a kernel is bound to: offset and size in bytes, offset a multiple of 256. */
export interface TensorRange {
  readonly tensor: Tensor;
  readonly offset: number;
  readonly size: number;
}

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
   * `state: false` says that nothing in these tensors has to outlive a step, or that the host uploads it again: they are
   * left out of checkpoints.
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

  /** A zeroed tensor. */
  tensor(name: string, shape: readonly number[], type: ElementType = "f32"): Tensor {
    const label = `${this.#label}/${name}`;
    const length = shape.reduce((product, extent) => product * extent, 1);
    if (!Number.isSafeInteger(length) || shape.some((extent) => extent < 0)) {
      throw new TypeError(`Cannot create tensor ${label}: shape [${shape}] is not a list of sizes`);
    }
    const limit = this.#gpu.limits.maxStorageBufferBindingSize;
    if (length * 4 > limit) {
      throw new RangeError(
        `Cannot create tensor ${label}: shape [${shape}] takes ${
          length * 4
        } bytes, a kernel of this adapter can ` +
          `reach ${limit}; lower the batch size, the network width or the memory sizes`,
      );
    }
    const buffer = this.#gpu.createBuffer(label, length * 4, storageUsage);
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

/** The whole of a tensor, or `length` elements of it from element `start`, as a kernel binding. */
export function range(tensor: Tensor, start = 0, length = tensor.length - start): TensorRange {
  if (start < 0 || start + length > tensor.length) {
    throw new RangeError(
      `Cannot bind ${tensor.label}: elements ${start} to ${
        start + length
      } lie outside its ${tensor.length}`,
    );
  }
  if ((start * 4) % 256 !== 0) {
    throw new RangeError(
      `Cannot bind ${tensor.label}: element ${start} is not at a multiple of 256 bytes`,
    );
  }
  return { tensor, offset: start * 4, size: Math.max(16, Math.ceil(length / 4) * 16) };
}

/** Copies host values into a tensor, from element `start` on; ordered with the submissions around it. */
export function upload(
  gpu: Gpu,
  tensor: Tensor,
  values: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
  start = 0,
): void {
  const expected = tensor.type === "f32" ? Float32Array : Uint32Array;
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
  if (gpu.recording?.replaying) {
    if (gpu.state.has(tensor)) return;
    gpu.recording.uploaded(values.length);
  }
  // A size past its source aborts the process in Deno's WebGPU, so the size is always the array's own.
  gpu.device.queue.writeBuffer(tensor.buffer, start * 4, values, 0, values.length);
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
 * Copies tensors to the host in one mapping, since each mapping costs at least 10 ms on Deno and waits until the
 * queue has drained.
 */
export async function download(
  gpu: Gpu,
  tensors: readonly Tensor[],
): Promise<(Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>)[]> {
  const read = () => readWords(gpu, tensors);
  const { recording } = gpu;
  const total = tensors.reduce((sum, { length }) => sum + length, 0);
  const words = recording ? await recording.readBack(total, read) : await read();
  let start = 0;
  return tensors.map(({ type, length }) => {
    const part = words.slice(start, start += length);
    return type === "f32" ? new Float32Array(part.buffer) : part;
  });
}

/** The bits of tensors, one after another, as they are now; see {@linkcode download}. */
export async function readWords(
  gpu: Gpu,
  tensors: readonly Tensor[],
): Promise<Uint32Array<ArrayBuffer>> {
  const total = tensors.reduce((sum, tensor) => sum + tensor.length * 4, 0);
  const staging = gpu.createBuffer(
    "download",
    total,
    GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  );
  try {
    const encoder = gpu.device.createCommandEncoder({ label: "download" });
    let offset = 0;
    for (const tensor of tensors) {
      encoder.copyBufferToBuffer(tensor.buffer, 0, staging, offset, tensor.length * 4);
      offset += tensor.length * 4;
    }
    gpu.device.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(GPUMapMode.READ);
    } catch (error) {
      await gpu.heard();
      gpu.check();
      throw new Error(
        `Cannot read back ${tensors.map((t) => t.label).join(", ")}: ${(error as Error).message}`,
      );
    }
    gpu.check();
    const bytes = staging.getMappedRange().slice(0);
    staging.unmap();
    return new Uint32Array(bytes, 0, total / 4);
  } finally {
    gpu.destroyBuffer(staging);
  }
}

/** {@linkcode download} of one f32 tensor. */
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

/** Copies tensors into others of the same length, or their first `length` elements, on the GPU. */
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
  }
  if (gpu.recording?.replaying) return;
  const encoder = gpu.device.createCommandEncoder({ label: "copy" });
  for (const [source, target] of pairs) {
    encoder.copyBufferToBuffer(source.buffer, 0, target.buffer, 0, (length ?? source.length) * 4);
  }
  gpu.device.queue.submit([encoder.finish()]);
}
