import {
  Arena,
  copyTensor,
  downloadRanges,
  downloadU32,
  head,
  readWords,
  type Tensor,
  upload,
} from "../gpu/tensor.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Draws } from "../random.ts";
import { BalancedReservoir } from "./balanced_reservoir.ts";
import { Reservoir, type ReservoirState, type SlotChooser } from "./reservoir.ts";
import { packRgb, unpackRgb } from "./rgba_words.ts";

/**
 * What a memory keeps: a uniform sample of all that was offered, or one that holds its classes as evenly as possible.
 */
export type Selection = "reservoir" | "balanced";

/** Images of 224 pixels take 12 MB then. */
const SLOTS_AT_ONCE = 64;

/** One remembered example as a training step reads it. */
export interface RememberedExample {
  readonly slot: number;
  /** Head number. */
  readonly label: number;
}

/** A copy of a memory's whole content. */
export interface MemorySnapshot {
  readonly images: Tensor;
  readonly logits: Tensor | null;
  labels: Int32Array;
  reservoir: ReservoirState;
  destroy(): void;
}

/**
 * A memory of fixed capacity, filled by reservoir sampling, plain or balanced. Images stay on the GPU as bytes before
 * augmentation (`[capacity, height, width]`, RGBA8 in u32); labels (head numbers) and the reservoir's counters are on
 * the host, where all draws are made.
 */
export class ImageMemory {
  /** Number by which batch rows name this memory as their source. */
  readonly source: number;
  readonly tensor: Tensor;
  /** Logits remembered with the images, `[capacity, heads]`, heads padded to a multiple of 4; null: not kept. */
  readonly logits: Tensor | null;
  readonly labels: Int32Array;
  readonly reservoir: SlotChooser;
  readonly #gpu: Gpu;

  constructor(
    arena: Arena,
    options: {
      label: string;
      source: number;
      capacity: number;
      height: number;
      width: number;
      /** Heads whose logits are kept with each image; default 0, none. */
      logits?: number;
      /** Default `reservoir`. */
      selection?: Selection;
    },
  ) {
    const { label, source, capacity, height, width, logits = 0, selection } = options;
    this.#gpu = arena.gpu;
    this.source = source;
    this.reservoir = selection === "balanced"
      ? new BalancedReservoir(capacity)
      : new Reservoir(capacity);
    this.tensor = arena.tensor(label, [Math.max(1, capacity), height, width], "u32");
    this.logits = logits > 0
      ? arena.tensor(`${label} logits`, [Math.max(1, capacity), Math.ceil(logits / 4) * 4])
      : null;
    this.labels = new Int32Array(capacity).fill(-1);
  }

  get filled(): number {
    return this.reservoir.filled;
  }

  /**
   * Offers examples in order (as the official buffer counts) and returns the slot of each, or -1.
   * The caller copies the images. Where two examples of one call draw the same slot, the earlier one gets -1: the later
   * would have overwritten it.
   */
  offer(labels: readonly number[], random: Draws<"below">): number[] {
    const slots = labels.map((label) => {
      const slot = this.reservoir.offer(random, label);
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

  /** RGB bytes of some slots, `[height, width, 3]` each; no more is read back than is asked for, a few at a time. */
  async readSlots(slots: readonly number[]): Promise<Uint8Array<ArrayBuffer>[]> {
    const [, height, width] = this.tensor.shape;
    const area = height * width;
    const images: Uint8Array<ArrayBuffer>[] = [];
    for (let first = 0; first < slots.length; first += SLOTS_AT_ONCE) {
      const starts = slots.slice(first, first + SLOTS_AT_ONCE).map((slot) => slot * area);
      const words = await downloadRanges(this.#gpu, this.tensor, starts, area);
      starts.forEach((_, i) => images.push(unpackRgb(words.subarray(i * area, (i + 1) * area))));
    }
    return images;
  }

  /** RGB bytes of the slots in use, `[height, width, 3]` each, in their order. */
  async read(): Promise<Uint8Array<ArrayBuffer>[]> {
    if (this.filled === 0) return [];
    return this.#pictures(await downloadU32(this.#gpu, this.#used));
  }

  /** The same for somebody who looks on: nothing that the run does may follow from it, and no replay asks for it. */
  async peek(): Promise<Uint8Array<ArrayBuffer>[]> {
    if (this.filled === 0) return [];
    return this.#pictures(await readWords(this.#gpu, [this.#used]));
  }

  /** The slots in use. */
  get #used(): Tensor {
    return head(this.tensor, this.filled * this.#area);
  }

  get #area(): number {
    const [, height, width] = this.tensor.shape;
    return height * width;
  }

  #pictures(words: Uint32Array): Uint8Array<ArrayBuffer>[] {
    const area = this.#area;
    return Array.from(
      { length: this.filled },
      (_, slot) => unpackRgb(words.subarray(slot * area, (slot + 1) * area)),
    );
  }

  /**
   * Puts examples into the first slots, in their order, with what decided about them.
   *
   * @param images RGB bytes, `[height, width, 3]` each.
   */
  load(
    images: readonly Uint8Array[],
    labels: readonly number[],
    reservoir: ReservoirState,
  ): void {
    this.clear();
    this.reservoir.restore(reservoir);
    if (images.length !== this.filled || labels.length !== this.filled) {
      throw new RangeError(
        `Cannot fill a memory: ${images.length} images and ${labels.length} labels for ${this.filled} slots in use`,
      );
    }
    this.labels.set(labels);
    const [, height, width] = this.tensor.shape;
    const words = new Uint32Array(height * width);
    images.forEach((pixels, slot) => {
      packRgb(pixels, words);
      upload(this.#gpu, this.tensor, words, slot * words.length);
    });
  }

  /** A copy of labels, counters and, on the GPU, images and logits. */
  snapshot(): MemorySnapshot {
    const arena = new Arena(this.#gpu, "memory snapshot");
    const images = arena.tensor("images", this.tensor.shape, "u32");
    const logits = this.logits && arena.tensor("logits", this.logits.shape);
    const kept = { images, logits };
    copyTensor(this.#gpu, this.#pairs(kept));
    return {
      ...kept,
      labels: this.labels.slice(),
      reservoir: this.reservoir.state(),
      destroy: () => arena.destroy(),
    };
  }

  /** Puts a copy back. */
  restore(snapshot: MemorySnapshot): void {
    copyTensor(this.#gpu, this.#pairs(snapshot).map(([mine, theirs]) => [theirs, mine]));
    this.labels.set(snapshot.labels);
    this.reservoir.restore(snapshot.reservoir);
  }

  clear(): void {
    this.reservoir.clear();
    this.labels.fill(-1);
  }

  #pairs(
    { images, logits }: Pick<MemorySnapshot, "images" | "logits">,
  ): (readonly [Tensor, Tensor])[] {
    const pairs: (readonly [Tensor, Tensor])[] = [[this.tensor, images]];
    if (this.logits && logits) pairs.push([this.logits, logits]);
    return pairs;
  }
}
