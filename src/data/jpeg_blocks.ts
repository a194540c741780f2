import type { EntropyBits, HuffmanCode } from "./jpeg_entropy.ts";

/** What one scan tells of the 64 coefficients of each block. */
export interface ScanBand {
  readonly progressive: boolean;
  /** The coefficients from the first to the last of them, 0 to 63. */
  readonly first: number;
  readonly last: number;
  /** The lowest bit that earlier scans told, to which it adds the next; 0 where it tells the first ones. */
  readonly above: number;
  /** The lowest bit told. */
  readonly low: number;
}

/** One component in one scan. */
export interface ScanPart {
  readonly dc: HuffmanCode;
  readonly ac: HuffmanCode;
  /** What one step of its first coefficient (8 times the mean of a block) stands for. */
  readonly step: number;
  /** Of a progressive image, the coefficients known not to be 0: two words of 32 bits for each block. */
  readonly nonzero: Uint32Array;
}

/** Eight times the farthest of 256 grey levels from their middle; some encoders overshoot by 31 levels. */
const FARTHEST = 8 * (128 + 32);

/**
 * Zeros may well be the code of empty blocks. But no picture has more coefficients alike, and other than 0, in a row.
 */
const MOST_ALIKE = 27;

/** What is said of them. */
export const ZEROS = "zeros stand where its pixels were";

/** Reads the blocks of a scan, for what is wrong with them. Numbers and meanings are those of the standard. */
export class BlockReader {
  readonly #bits: EntropyBits;
  readonly #band: ScanBand;
  /** Blocks of a progressive scan that have no more coefficients. */
  #skipped = 0;
  /** The first coefficient of the last block, by component. */
  readonly #means = new Map<ScanPart, number>();

  constructor(bits: EntropyBits, band: ScanBand) {
    this.#bits = bits;
    this.#band = band;
  }

  /**
   * Reads the block with this number in the component.
   *
   * @throws {SyntaxError} If it cannot have been written so.
   */
  read(part: ScanPart, block: number): void {
    const { progressive, first, above } = this.#band;
    if (!progressive) {
      this.#readMean(part);
      this.#readSequential(part.ac);
    } else if (first > 0) {
      if (above > 0) this.#refine(part, 2 * block);
      else this.#readBand(part, 2 * block);
    } else if (above > 0) this.#bits.read(1);
    else this.#readMean(part);
  }

  /** @throws {SyntaxError} If more was read than there is. */
  checkEnd(): void {
    this.#bits.checkEnd();
  }

  /** @throws {SyntaxError} If blocks are told of that are not there. */
  finish(): { unread: number[]; inZeros: boolean; at: number } {
    if (this.#skipped > 0) throw new SyntaxError("its pixels are of more blocks than it has");
    return this.#bits.finish();
  }

  #readMean(part: ScanPart): void {
    const size = this.#bits.symbol(part.dc) & 15;
    if (size === 0) return;
    const bits = this.#bits.read(size);
    const difference = bits >> (size - 1) === 0 ? bits - (1 << size) + 1 : bits;
    const mean = (this.#means.get(part) ?? 0) + difference;
    this.#means.set(part, mean);
    // A wrong difference is passed on from block to block until brightness leaves what there is.
    if (Math.abs(mean << this.#band.low) * part.step > FARTHEST + part.step) {
      throw new SyntaxError("its pixels are brighter or darker than 8 bits can be");
    }
  }

  #readSequential(ac: HuffmanCode): void {
    let zeros = 0;
    for (let k = 1; k <= 63;) {
      const symbol = this.#bits.symbol(ac);
      const size = symbol & 15;
      if (size === 0 && symbol < 0xf0) return;
      k = this.#behind(k + (symbol >> 4));
      const value = this.#bits.read(size);
      // The first code of each table is of zeros only.
      zeros = value === 0 && symbol === ac.symbols[0] ? zeros + 1 : 0;
      if (zeros > MOST_ALIKE) throw new SyntaxError(ZEROS);
    }
  }

  #readBand({ ac, nonzero }: ScanPart, words: number): void {
    if (this.#skipped > 0) {
      this.#skipped--;
      return;
    }
    const { first, last } = this.#band;
    for (let k = first; k <= last;) {
      const symbol = this.#bits.symbol(ac);
      const zeros = symbol >> 4;
      const size = symbol & 15;
      if (size === 0 && zeros < 15) {
        this.#skipped = (1 << zeros) - 1 + this.#bits.read(zeros);
        return;
      }
      k = this.#behind(k + zeros);
      if (size > 0) mark(nonzero, words, k - 1);
      this.#bits.read(size);
    }
  }

  #refine({ ac, nonzero }: ScanPart, words: number): void {
    const { first, last } = this.#band;
    let k = first;
    while (this.#skipped === 0 && k <= last) {
      const symbol = this.#bits.symbol(ac);
      let zeros = symbol >> 4;
      const size = symbol & 15;
      if (size > 1) throw new SyntaxError("its pixels add more than a bit to what is known");
      if (size === 0 && zeros < 15) {
        this.#skipped = (1 << zeros) + this.#bits.read(zeros);
        break;
      }
      // The sign of the new one, then a bit for each known one that is passed on the way.
      this.#bits.read(size);
      for (; k <= last; k++) {
        if (isMarked(nonzero, words, k)) this.#bits.read(1);
        else if (zeros-- === 0) break;
      }
      k = this.#behind(k);
      if (size > 0) mark(nonzero, words, k - 1);
    }
    if (this.#skipped === 0) return;
    for (; k <= last; k++) if (isMarked(nonzero, words, k)) this.#bits.read(1);
    this.#skipped--;
  }

  /** The coefficient behind `k`, which has to be there. */
  #behind(k: number): number {
    if (k > this.#band.last) {
      throw new SyntaxError("its pixels are of more coefficients than a block has");
    }
    return k + 1;
  }
}

function mark(nonzero: Uint32Array, words: number, k: number): void {
  nonzero[words + (k >> 5)] |= 1 << (k & 31);
}

function isMarked(nonzero: Uint32Array, words: number, k: number): boolean {
  return (nonzero[words + (k >> 5)] >>> (k & 31) & 1) === 1;
}
