import type { MethodRandom } from "../src/method/session.ts";
import { Random } from "../src/random.ts";

/** What the official run drew in some steps. */
export interface Draws {
  /** Memory slots of each replay, in order. */
  readonly replays: readonly (readonly number[])[];
  /** For each sample offered to the memory its slot, or -1 where it was dropped. */
  readonly slots: readonly number[];
  /** Offers before the first of them. */
  readonly offered: number;
  /** Order of the stream, where the steps are an epoch. */
  readonly order?: readonly number[];
  /** Whether each augmented image is mirrored, in order; absent: all are. */
  readonly mirrored?: readonly boolean[];
}

/** Draws that give what was recorded, and note where more or other ones are asked for. */
export class RecordedDraws {
  readonly random: MethodRandom & { readonly dreams: Random };
  /** Draws that were asked for and not recorded so, e.g. "replay of 8 of 20, recorded 7". */
  readonly mismatches: string[] = [];
  #draws: Draws = { replays: [], slots: [], offered: 0 };
  #replays = 0;
  #mirrors = 0;

  constructor() {
    this.random = {
      // An epoch's order is one draw, the same whenever it is asked for.
      order: { permutation: (n) => this.#order(n), state: () => [], restore: () => {} },
      augment: {
        uniform: () => this.#mirror() ? 0 : 0.75,
        below: (n) => this.#crop(n),
        state: () => [this.#mirrors],
        restore: ([mirrors]) => void (this.#mirrors = mirrors),
      },
      replay: { sampleWithoutReplacement: (n, k) => this.#replay(n, k) },
      reservoir: { below: (n) => this.#slot(n) },
      // The official program has no sleep, and its dreams are bound to heads by the recording.
      sleep: Random.stream(0, "sleep"),
      dreams: Random.stream(0, "dream classes"),
    };
  }

  /** The next steps draw these. */
  use(draws: Draws): void {
    this.#draws = draws;
    this.#replays = 0;
    this.#mirrors = 0;
  }

  #order(n: number): Uint32Array<ArrayBuffer> {
    const order = this.#draws.order ?? [];
    if (order.length !== n) this.mismatches.push(`order of ${n}, recorded ${order.length}`);
    return Uint32Array.from({ length: n }, (_, i) => order[i] ?? 0);
  }

  #replay(n: number, k: number): Uint32Array<ArrayBuffer> {
    const slots = this.#draws.replays[this.#replays++] ?? [];
    if (slots.length !== k || slots.some((slot) => slot >= n)) {
      this.mismatches.push(`replay of ${k} of ${n}, recorded [${slots}]`);
    }
    return Uint32Array.from({ length: k }, (_, i) => Math.min(slots[i] ?? 0, n - 1));
  }

  /** Asked only once the memory is full, with the number of offers including this one. */
  #slot(n: number): number {
    const slot = this.#draws.slots[n - 1 - this.#draws.offered];
    if (slot === undefined) this.mismatches.push(`slot of offer ${n - 1}, not recorded`);
    return slot === undefined || slot < 0 ? n - 1 : slot;
  }

  /** Recorded transforms do not crop. */
  #crop(n: number): number {
    this.mismatches.push(`crop below ${n}, not recorded`);
    return 0;
  }

  #mirror(): boolean {
    return this.#draws.mirrored?.[this.#mirrors++] ?? true;
  }
}
