const MASK_64 = (1n << 64n) - 1n;

/**
 * Seeded random numbers on the host: xoshiro128** 1.1 (Blackman and Vigna 2018,
 * https://prng.di.unimi.it/xoshiro128starstar.c), 128 bits of state, period 2^128 - 1. All draws of a
 * run come from such streams; a run that goes on makes the same draws again.
 */
export class Random {
  #state: Uint32Array;

  private constructor(state: Uint32Array) {
    this.#state = state;
  }

  /**
   * The stream of `purpose` in the run of `seed`. Streams of different purposes are independent, so
   * that one more draw in one place (an extra augmentation, say) leaves all the others as they were.
   *
   * The four words are two outputs of splitmix64 started at splitmix64(seed) xor fnv1a64(purpose).
   * The seed is mixed before the join, because neighbouring seeds differ in few bits; and two outputs
   * of splitmix64 in a row are never both zero, the one state xoshiro must not have.
   */
  static stream(seed: number, purpose: string): Random {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(
        `Cannot seed "${purpose}": seed is ${seed}, use a whole number from 0 to 2^53 - 1`,
      );
    }
    const next = splitmix64(splitmix64(BigInt(seed))() ^ fnv1a64(purpose));
    return new Random(new Uint32Array(new BigUint64Array([next(), next()]).buffer));
  }

  /** The generator that continues after `state()` was taken. */
  static from(state: readonly number[]): Random {
    const random = new Random(new Uint32Array(4));
    random.restore(state);
    return random;
  }

  /** 32 random bits as a whole number in [0, 2^32). */
  uint32(): number {
    const s = this.#state;
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }

  /** A number in [0, 1) with all 53 bits of a double; takes two words. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /**
   * A whole number in [0, n), each equally likely: words from the incomplete last run of n numbers
   * below 2^32 are drawn again, as a plain remainder would favour small numbers.
   */
  below(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new RangeError(`Cannot draw below ${n}: use a whole number from 1 to 2^32`);
    }
    const end = 2 ** 32 - (2 ** 32 % n);
    let word = this.uint32();
    while (word >= end) word = this.uint32();
    return word % n;
  }

  /** A real number, uniform in [low, high) up to rounding. */
  range(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /**
   * A standard normal number: sqrt(-2 ln(1 - u)) cos(2 pi v) (Box and Muller 1958). The pair's second
   * half (the sine) is dropped, so that the state is the four words and nothing else.
   */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log1p(-this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Brings `items` into a random order in place, each order equally likely (Fisher and Yates). */
  shuffle<Items extends { readonly length: number; [index: number]: unknown }>(
    items: Items,
  ): Items {
    for (let last = items.length - 1; last > 0; last--) {
      const chosen = this.below(last + 1);
      const item = items[last];
      items[last] = items[chosen];
      items[chosen] = item;
    }
    return items;
  }

  /** 0 .. n - 1 in random order. */
  permutation(n: number): Uint32Array<ArrayBuffer> {
    return this.shuffle(Uint32Array.from({ length: n }, (_, index) => index));
  }

  /**
   * k different numbers of 0 .. n - 1, every sequence of k equally likely: the first k steps of a
   * shuffle. Only the places touched are kept, so a small batch from a large memory costs O(k).
   */
  sampleWithoutReplacement(n: number, k: number): Uint32Array<ArrayBuffer> {
    if (!Number.isInteger(k) || k < 0 || k > n) {
      throw new RangeError(`Cannot draw ${k} different numbers: there are ${n}, ask for 0 to ${n}`);
    }
    const moved = new Map<number, number>();
    const sample = new Uint32Array(k);
    for (let place = 0; place < k; place++) {
      const chosen = place + this.below(n - place);
      sample[place] = moved.get(chosen) ?? chosen;
      moved.set(chosen, moved.get(place) ?? place);
    }
    return sample;
  }

  /** The four words of the state, for a checkpoint. */
  state(): number[] {
    return Array.from(this.#state);
  }

  /** Goes on from where `state()` was taken. */
  restore(state: readonly number[]): void {
    const words = state.length === 4 &&
      state.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32);
    if (!words || state.every((word) => word === 0)) {
      throw new RangeError(
        `Cannot restore a random stream: found [${state}], need four 32-bit words, not all zero`,
      );
    }
    this.#state.set(state);
  }
}

/** What takes the place of a {@linkcode Random} where only so much of it is asked for: recorded draws, say. */
export type Draws<Kind extends keyof Random> = Pick<Random, Kind>;

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** Outputs of splitmix64 (Steele, Lea and Flood 2014), the seeding xoshiro's authors recommend. */
export function splitmix64(seed: bigint): () => bigint {
  let counter = seed;
  return () => {
    counter = (counter + 0x9e3779b97f4a7c15n) & MASK_64;
    let z = counter;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
    return z ^ (z >> 31n);
  };
}

/** Fowler, Noll and Vo's 64-bit hash FNV-1a of the text's UTF-8 bytes. */
export function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & MASK_64;
  }
  return hash;
}
