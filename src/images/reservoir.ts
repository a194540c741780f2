import type { Draws } from "../random.ts";

/** What a snapshot keeps of a reservoir; the examples lie with whoever owns the slots. */
export interface ReservoirState {
  readonly capacity: number;
  readonly offered: number;
}

/** Decides which examples a memory keeps. It knows slots, not images. */
export interface SlotChooser {
  readonly capacity: number;
  /** Examples offered so far, held or not. */
  readonly offered: number;
  /** Slots in use: the first `filled` ones. */
  readonly filled: number;
  /** The slot that the next example, of this label, is to be written to, or -1 where it is dropped. */
  offer(random: Draws<"below">, label: number): number;
  /** Forgets every offer. */
  clear(): void;
  /** Plain values, which JSON keeps as they are. */
  state(): ReservoirState;
  /** Goes on where {@linkcode state} of a chooser of the same kind was taken. */
  restore(state: ReservoirState): void;
}

/**
 * Reservoir sampling (Vitter 1985, algorithm R): decides which slot an offered example takes, so that
 * after n offers each of the n is held with probability min(1, capacity / n). It knows slots only; the
 * bytes are moved by the memory that owns it.
 */
export class Reservoir implements SlotChooser {
  readonly capacity: number;
  #offered = 0;

  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 0) {
      throw new RangeError(
        `Cannot create a reservoir: capacity is ${capacity}, use a whole number, 0 or more`,
      );
    }
    this.capacity = capacity;
  }

  /** Examples offered so far, held or not. */
  get offered(): number {
    return this.#offered;
  }

  /** Slots in use: the first `filled` ones. */
  get filled(): number {
    return Math.min(this.#offered, this.capacity);
  }

  /**
   * The slot the next example is to be written to, or -1 where it is dropped. While there is room,
   * slots fill in order without a draw; the n-th offer after that (n examples offered before it) draws
   * r uniformly from 0 .. n and takes slot r if there is one.
   */
  offer(random: Draws<"below">): number {
    const before = this.#offered++;
    if (before < this.capacity) return before;
    // With no slot at all there is nothing to decide, and other users of the stream keep their draws.
    if (this.capacity === 0) return -1;
    const slot = random.below(before + 1);
    return slot < this.capacity ? slot : -1;
  }

  /** min(k, filled) different slots in use, every choice and order equally likely. */
  draw(
    random: Draws<"sampleWithoutReplacement">,
    k: number,
  ): Uint32Array<ArrayBuffer> {
    return random.sampleWithoutReplacement(this.filled, Math.min(k, this.filled));
  }

  /** Forgets every offer, as the short-term memory does after sleep. */
  clear(): void {
    this.#offered = 0;
  }

  state(): ReservoirState {
    return { capacity: this.capacity, offered: this.#offered };
  }

  restore(state: ReservoirState): void {
    if (state.capacity !== this.capacity) {
      throw new RangeError(
        `Cannot restore a reservoir: the state has capacity ${state.capacity}, this one ` +
          `${this.capacity}, create it with the capacity of the state`,
      );
    }
    if (!Number.isSafeInteger(state.offered) || state.offered < 0) {
      throw new RangeError(
        `Cannot restore a reservoir: offered is ${state.offered}, need a whole number, 0 or more`,
      );
    }
    this.#offered = state.offered;
  }
}
