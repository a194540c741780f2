import { type Arena, type Tensor, upload } from "../gpu/tensor.ts";
import type { Gpu } from "../gpu/device.ts";
import { imagePixels, type ImageSet } from "./image_set.ts";
import { packRgb } from "./rgba_words.ts";

/**
 * Images that training steps can read: bytes on the GPU, one `u32` per pixel (RGBA8, red lowest), `[count, height,
 * width]`. A step names images by their index in the host's image set.
 */
export interface ImageStore {
  /** Number by which batch rows name this store. */
  readonly source: number;
  readonly tensor: Tensor;
  /** Images that steps may read from now on: those of `indices`, and no others. */
  load(images: ImageSet, indices: ArrayLike<number>): void;
  /** Makes the images of a batch readable; returns their places in {@linkcode tensor}, one per row. */
  stage(indices: readonly number[]): number[];
}

/**
 * A store for up to `capacity` images: resident on the GPU where the adapter can bind so much, otherwise streamed, a
 * batch of up to `maxRows` at a time.
 */
export function createImageStore(
  arena: Arena,
  options: {
    label: string;
    source: number;
    capacity: number;
    height: number;
    width: number;
    maxRows: number;
  },
): ImageStore {
  const { label, source, capacity, height, width, maxRows } = options;
  const fits = imageBytes(height, width) * capacity <= arena.gpu.limits.maxStorageBufferBindingSize;
  const tensor = arena.tensor(
    label,
    [fits ? Math.max(1, capacity) : maxRows, height, width],
    "u32",
  );
  return fits
    ? new ResidentStore(arena.gpu, source, tensor)
    : new StreamedStore(arena.gpu, source, tensor);
}

/** Bytes of one image on the GPU. */
function imageBytes(height: number, width: number): number {
  return height * width * 4;
}

class ResidentStore implements ImageStore {
  readonly source: number;
  readonly tensor: Tensor;
  readonly #gpu: Gpu;
  #places = new Map<number, number>();

  constructor(gpu: Gpu, source: number, tensor: Tensor) {
    this.#gpu = gpu;
    this.source = source;
    this.tensor = tensor;
  }

  load(images: ImageSet, indices: ArrayLike<number>): void {
    const [capacity, height, width] = this.tensor.shape;
    checkSize(this.tensor, images);
    if (indices.length > capacity) {
      throw new RangeError(
        `Cannot load ${indices.length} images to ${this.tensor.label}: it holds ${capacity}`,
      );
    }
    this.#places = new Map();
    const area = height * width;
    const perUpload = Math.max(1, Math.floor(2 ** 24 / (area * 4)));
    for (let start = 0; start < indices.length; start += perUpload) {
      const count = Math.min(perUpload, indices.length - start);
      const pixels = new Uint32Array(count * area);
      for (let i = 0; i < count; i++) {
        const index = indices[start + i];
        this.#places.set(index, start + i);
        packRgb(imagePixels(images, index), pixels, i * area);
      }
      upload(this.#gpu, this.tensor, pixels, start * area);
    }
  }

  stage(indices: readonly number[]): number[] {
    return indices.map((index) => {
      const place = this.#places.get(index);
      if (place === undefined) {
        throw new RangeError(`Cannot read image ${index}: ${this.tensor.label} has not loaded it`);
      }
      return place;
    });
  }
}

/**
 * Reads the images of each batch when it is asked for, which needs no memory but that of a batch. Training steps are
 * queued, not waited for, so the next batches are read while the GPU works on earlier ones.
 */
class StreamedStore implements ImageStore {
  readonly source: number;
  readonly tensor: Tensor;
  readonly #gpu: Gpu;
  readonly #pixels: Uint32Array<ArrayBuffer>;
  #images: ImageSet | null = null;
  #allowed = new Set<number>();
  #staged: readonly number[] = [];

  constructor(gpu: Gpu, source: number, tensor: Tensor) {
    this.#gpu = gpu;
    this.source = source;
    this.tensor = tensor;
    this.#pixels = new Uint32Array(tensor.length);
  }

  load(images: ImageSet, indices: ArrayLike<number>): void {
    checkSize(this.tensor, images);
    this.#images = images;
    this.#allowed = new Set(Array.from(indices));
    this.#staged = [];
  }

  stage(indices: readonly number[]): number[] {
    const [rows, height, width] = this.tensor.shape;
    const wrong = indices.find((index) => !this.#allowed.has(index));
    if (wrong !== undefined || !this.#images) {
      throw new RangeError(`Cannot read image ${wrong}: ${this.tensor.label} has not loaded it`);
    }
    if (indices.length > rows) {
      throw new RangeError(
        `Cannot stage ${indices.length} images: ${this.tensor.label} takes ${rows} at a time`,
      );
    }
    // Nothing looks at the images of a step that is not run.
    const replaying = this.#gpu.recording?.replaying ?? false;
    // Freezing candidates take one batch in turn.
    const again = indices.length === this.#staged.length &&
      indices.every((index, row) => index === this.#staged[row]);
    if (replaying) {
      this.#staged = [];
    } else if (!again) {
      const area = height * width;
      const images = this.#images;
      indices.forEach((index, row) =>
        packRgb(imagePixels(images, index), this.#pixels, row * area)
      );
      upload(this.#gpu, this.tensor, this.#pixels.subarray(0, indices.length * area));
      this.#staged = [...indices];
    }
    return indices.map((_, row) => row);
  }
}

function checkSize(tensor: Tensor, images: ImageSet): void {
  const [, height, width] = tensor.shape;
  if (images.height !== height || images.width !== width) {
    throw new TypeError(
      `Cannot load ${images.name} to ${tensor.label}: images of ${images.height}x${images.width} pixels, the store ` +
        `has ${height}x${width}`,
    );
  }
}
