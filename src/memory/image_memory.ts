import type { Arena, Tensor } from "../gpu/tensor.ts";
import type { Random } from "../random.ts";
import { Reservoir } from "./reservoir.ts";

/** One remembered example as a training step reads it. */
export interface RememberedExample {
  readonly slot: number;
  /** Head number. */
  readonly label: number;
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

  constructor(
    arena: Arena,
    options: { label: string; source: number; capacity: number; height: number; width: number },
  ) {
    const { label, source, capacity, height, width } = options;
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

  clear(): void {
    this.reservoir.clear();
    this.labels.fill(-1);
  }
}
