import type { MethodRandom } from "../../method/session.ts";
import { Random } from "../../random.ts";

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

/** Random streams that give what was recorded instead, and note where more or other draws are asked for. */
export class RecordedDraws {
  readonly random: MethodRandom & { readonly dreams: Random };
  /** Draws that were asked for and not recorded so, e.g. "replay of 8 of 20, recorded 7". */
  readonly mismatches: string[] = [];
  #draws: Draws = { replays: [], slots: [], offered: 0 };
  #replays = 0;
  #mirrors = 0;

  constructor() {
    const stream = (replaced: Partial<Random>) =>
      Object.assign(Random.stream(0, "replaced by recorded draws"), replaced);
    this.random = {
      order: stream({ permutation: (n) => this.#order(n) }),
      augment: stream({ uniform: () => this.#mirror() ? 0 : 0.75 }),
      replay: stream({ sampleWithoutReplacement: (n, k) => this.#replay(n, k) }),
      reservoir: stream({ below: (n) => this.#slot(n) }),
      sleep: stream({}),
      dreams: stream({}),
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

  #mirror(): boolean {
    return this.#draws.mirrored?.[this.#mirrors++] ?? true;
  }
}
