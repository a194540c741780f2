import { Arena, copyTensor, type Tensor } from "../gpu/tensor.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Random } from "../random.ts";
import { Reservoir, type ReservoirState } from "./reservoir.ts";

/** One remembered example as a training step reads it. */
export interface RememberedExample {
  readonly slot: number;
  /** Head number. */
  readonly label: number;
}

/** A copy of a memory's whole content. */
export interface MemorySnapshot {
  readonly images: Tensor;
  labels: Int32Array;
  reservoir: ReservoirState;
  destroy(): void;
}

/**
 * A memory of fixed capacity, filled by reservoir sampling. Images stay on the GPU as bytes before augmentation
 * (`[capacity, height, width]`, RGBA8 in u32); labels (head numbers) and the reservoir's counter are on the host, where
 * all draws are made.
 */
export class ImageMemory {
  /** Number by which batch rows name this memory as their source. */
  readonly source: number;
  readonly tensor: Tensor;
  readonly labels: Int32Array;
  readonly reservoir: Reservoir;
  readonly #gpu: Gpu;

  constructor(
    arena: Arena,
    options: { label: string; source: number; capacity: number; height: number; width: number },
  ) {
    const { label, source, capacity, height, width } = options;
    this.#gpu = arena.gpu;
    this.source = source;
    this.reservoir = new Reservoir(capacity);
    this.tensor = arena.tensor(label, [Math.max(1, capacity), height, width], "u32");
    this.labels = new Int32Array(capacity).fill(-1);
  }

  get filled(): number {
    return this.reservoir.filled;
  }

  /**
   * Offers examples in order (Vitter's algorithm R, as the official buffer counts) and returns the slot of each, or -1.
   * The caller copies the images. Where two examples of one call draw the same slot, the earlier one gets -1: the later
   * would have overwritten it.
   */
  offer(labels: readonly number[], random: Random): number[] {
    const slots = labels.map((label) => {
      const slot = this.reservoir.offer(random);
      if (slot >= 0) this.labels[slot] = label;
      return slot;
    });
    const last = new Map<number, number>();
    slots.forEach((slot, i) => last.set(slot, i));
    return slots.map((slot, i) => last.get(slot) === i ? slot : -1);
  }

  example(slot: number): RememberedExample {
    return { slot, label: this.labels[slot] };
  }

  /** A copy of labels, counter and, on the GPU, images. */
  snapshot(): MemorySnapshot {
    const arena = new Arena(this.#gpu, "memory snapshot");
    const images = arena.tensor("images", this.tensor.shape, "u32");
    copyTensor(this.#gpu, [[this.tensor, images]]);
    return {
      images,
      labels: this.labels.slice(),
      reservoir: this.reservoir.state(),
      destroy: () => arena.destroy(),
    };
  }

  /** Puts a copy back. */
  restore(snapshot: MemorySnapshot): void {
    copyTensor(this.#gpu, [[snapshot.images, this.tensor]]);
    this.labels.set(snapshot.labels);
    this.reservoir.restore(snapshot.reservoir);
  }

  clear(): void {
    this.reservoir.clear();
    this.labels.fill(-1);
  }
}
