import type { Gpu } from "../gpu/device.ts";
import { type Arena, type Tensor, upload } from "../gpu/tensor.ts";

const headerWords = 8;
const rowWords = 12;

/** What a step does with one image: where it comes from, how it is augmented, what it counts for. */
export interface BatchRow {
  /** Which image store it is read from (the number its augment kernel was recorded with). */
  readonly source: number;
  /** Image in that store. */
  readonly index: number;
  /** Crop offset in the padded image, in pixels: 0..2 padding. */
  readonly top: number;
  readonly left: number;
  readonly flip: boolean;
  /** Quarter turns counterclockwise before the crop, 0 to 3; square images only. Default 0. */
  readonly turns?: number;
  /** Head number. */
  readonly label: number;
  /** Which of the step's open-head masks its loss uses. */
  readonly mask: number;
  /** Factor of its cross-entropy in the loss. */
  readonly weight: number;
  /** Memory slot that it is written to, or -1. */
  readonly slot: number;
  /** Memory slot whose logits it is held to, and the factor of their squared distance in the loss; absent: none. */
  readonly target?: { readonly slot: number; readonly weight: number };
}

/** The numbers that change from step to step. */
export interface BatchHeader {
  /** Place of the step's loss in the loss log. */
  readonly lossSlot: number;
  readonly learningRate: number;
}

/**
 * The small record that tells recorded kernels what this step is about; the layout is read by `shaders/lib/batch.wgsl`.
 * It is the only thing that travels to the GPU in a step whose images are resident.
 */
export class BatchRecord {
  /** u32 words: header [8], rows [maxRows, 12], masks [maxMasks, ceil(heads / 32)]. */
  readonly tensor: Tensor;
  readonly maxRows: number;
  readonly maxMasks: number;
  readonly heads: number;
  readonly #gpu: Gpu;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #floats: Float32Array<ArrayBuffer>;
  readonly #maskWords: number;

  constructor(arena: Arena, options: { maxRows: number; maxMasks: number; heads: number }) {
    this.maxRows = options.maxRows;
    this.maxMasks = options.maxMasks;
    this.heads = options.heads;
    this.#gpu = arena.gpu;
    this.#maskWords = Math.ceil(options.heads / 32);
    const length = headerWords + options.maxRows * rowWords + options.maxMasks * this.#maskWords;
    this.tensor = arena.tensor("batch", [length], "u32");
    this.#words = new Uint32Array(length);
    this.#floats = new Float32Array(this.#words.buffer);
  }

  /**
   * Uploads the record of the next step.
   *
   * @throws {RangeError} for more rows or masks than there is room for, or a label that is no head.
   */
  write(
    header: BatchHeader,
    rows: readonly BatchRow[],
    masks: readonly ReadonlySet<number>[],
  ): void {
    if (rows.length > this.maxRows || masks.length > this.maxMasks) {
      throw new RangeError(
        `Cannot write a batch: ${rows.length} rows and ${masks.length} masks, there is room for ` +
          `${this.maxRows} and ${this.maxMasks}`,
      );
    }
    const masksAt = headerWords + this.maxRows * rowWords;
    this.#words.set([header.lossSlot, 0, masksAt, this.#maskWords]);
    this.#floats[1] = header.learningRate;
    rows.forEach((row, i) => {
      if (!(row.label >= 0 && row.label < this.heads)) {
        throw new RangeError(
          `Cannot write a batch: row ${i} has label ${row.label}, there are ${this.heads} heads`,
        );
      }
      const at = headerWords + i * rowWords;
      const flip = row.flip ? 1 : 0;
      const slot = row.slot < 0 ? 0xffffffff : row.slot;
      this.#words.set([
        row.source,
        row.index,
        row.top,
        row.left,
        flip,
        row.label,
        row.mask,
        0,
        slot,
      ], at);
      this.#floats[at + 7] = row.weight;
      this.#words[at + 9] = row.target?.slot ?? 0xffffffff;
      this.#floats[at + 10] = row.target?.weight ?? 0;
      this.#words[at + 11] = row.turns ?? 0;
    });
    this.#words.fill(0, masksAt);
    masks.forEach((open, m) => {
      for (const head of open) {
        this.#words[masksAt + m * this.#maskWords + (head >> 5)] |= 1 << (head & 31);
      }
    });
    upload(this.#gpu, this.tensor, this.#words);
  }
}
