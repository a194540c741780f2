import type { Draws } from "../random.ts";

/** What a snapshot keeps of a reservoir; the examples lie with whoever owns the slots. */
export interface ReservoirState {
  capacity: number;
  offered: number;
}

/**
 * Reservoir sampling (Vitter 1985, algorithm R): decides which slot an offered example takes, so that
 * after n offers each of the n is held with probability min(1, capacity / n). It knows slots only; the
 * bytes are moved by the memory that owns it.
 */
export class Reservoir {
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

  /**
   * The state of a reservoir that holds only what was in some of its slots, now the first ones in the same order.
   * Where there was no room any more, it counts as if no more had been offered than are left: there is room again, and
   * what comes next is taken.
   *
   * @param slots ascending
   */
  static without(state: ReservoirState, slots: readonly number[]): ReservoirState {
    const filled = Math.min(state.offered, state.capacity);
    return slots.length === filled ? state : { ...state, offered: slots.length };
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
