import type { Draws } from "../random.ts";
import type { ReservoirState, SlotChooser } from "./reservoir.ts";

/** What a snapshot keeps of a balanced reservoir: plain values, which JSON keeps as they are. */
export interface BalancedReservoirState extends ReservoirState {
  /** Label of each slot in use. */
  readonly labels: readonly number[];
  /** Examples offered of each label so far, held or not; labels ascending. */
  readonly offeredOf: readonly (readonly [label: number, offered: number])[];
}

/**
 * Class-balancing reservoir sampling (Chrysakis and Moens, ICML 2020, algorithm 1): decides which slot an offered
 * example takes, so that classes are held as evenly as possible, however many examples of each were offered. With m
 * examples of the offered class held, of n offered, this one counted:
 *
 * - while there is room, slots fill in order;
 * - a class of which everything is held, and which is smaller than the largest one, takes a random slot of the largest;
 * - any other class is a reservoir of m slots: the example takes a random one of them with probability m / n.
 *
 * So each example of a class is held with the same probability, and no class that lost a slot is smaller than the
 * largest one by more than one. The paper marks a class as full once it was the largest; that everything of a class is
 * held says the same of what may grow, and needs no mark.
 */
export class BalancedReservoir implements SlotChooser {
  readonly capacity: number;
  #offered = 0;
  #labels: number[] = [];
  /** By label. */
  readonly #offeredOf = new Map<number, number>();
  /** Slots held, by label; none is 0. */
  readonly #held = new Map<number, number>();

  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 0) {
      throw new RangeError(
        `Cannot create a balanced reservoir: capacity is ${capacity}, use a whole number, 0 or more`,
      );
    }
    this.capacity = capacity;
  }

  /**
   * The state of a reservoir that holds only what was in some of its slots, now the first ones in the same order, and
   * knows nothing of some labels any more. Where slots became free it counts as if no more had been offered than are
   * left: there is room again, and what comes next is taken.
   *
   * @param slots ascending; none holds a label of `gone`
   */
  static without(
    { capacity, labels, offeredOf }: BalancedReservoirState,
    slots: readonly number[],
    gone: ReadonlySet<number>,
  ): BalancedReservoirState {
    const left = slots.map((slot) => labels[slot]);
    const counts = left.length < labels.length
      ? [...countsOf(left)].sort(([a], [b]) => a - b)
      : offeredOf.filter(([label]) => !gone.has(label));
    const offered = counts.reduce((sum, [, count]) => sum + count, 0);
    return { capacity, offered, labels: left, offeredOf: counts };
  }

  /** Examples offered so far, held or not. */
  get offered(): number {
    return this.#offered;
  }

  /** Slots in use: the first `filled` ones. */
  get filled(): number {
    return this.#labels.length;
  }

  /** The slot the next example, of this label, is to be written to, or -1 where it is dropped. */
  offer(random: Draws<"below">, label: number): number {
    this.#offered++;
    const offered = (this.#offeredOf.get(label) ?? 0) + 1;
    this.#offeredOf.set(label, offered);
    if (this.filled < this.capacity) return this.#take(this.filled, label);
    // With no slot at all there is nothing to decide, and other users of the stream keep their draws.
    if (this.capacity === 0) return -1;
    const held = this.#held.get(label) ?? 0;
    const largest = Math.max(...this.#held.values());
    if (held === offered - 1 && held < largest) {
      const slots = this.#slotsWhere((other) => this.#held.get(other) === largest);
      return this.#take(slots[random.below(slots.length)], label);
    }
    const drawn = random.below(offered);
    return drawn < held
      ? this.#take(this.#slotsWhere((other) => other === label)[drawn], label)
      : -1;
  }

  /** Forgets every offer. */
  clear(): void {
    this.#offered = 0;
    this.#labels = [];
    this.#offeredOf.clear();
    this.#held.clear();
  }

  state(): BalancedReservoirState {
    return {
      capacity: this.capacity,
      offered: this.#offered,
      labels: [...this.#labels],
      offeredOf: [...this.#offeredOf].sort(([a], [b]) => a - b),
    };
  }

  /** @throws {RangeError} for a state of another capacity, or one whose numbers contradict each other. */
  restore(state: ReservoirState): void {
    const { capacity, offered, labels, offeredOf } = state as Partial<BalancedReservoirState>;
    const fail = (found: string) => {
      throw new RangeError(`Cannot restore a balanced reservoir: ${found}`);
    };
    if (capacity !== this.capacity) {
      fail(
        `the state has capacity ${capacity}, this one ${this.capacity}, create it with the capacity of the state`,
      );
    }
    if (!labels || !offeredOf) {
      return fail("the state is of a plain one, create it with the selection of the state");
    }
    const held = countsOf(labels);
    const counts = new Map(offeredOf);
    const sum = [...counts.values()].reduce((total, count) => total + count, 0);
    const impossible = [...held].find(([label, count]) => count > (counts.get(label) ?? 0));
    if (
      sum !== offered || labels.length !== Math.min(sum, this.capacity) || impossible ||
      ![...counts.values()].every((count) => Number.isSafeInteger(count) && count > 0)
    ) {
      fail(
        `its state contradicts itself (offered ${offered}, by class ${sum}, held ${labels.length}), ` +
          "use one that state() gave",
      );
    }
    this.clear();
    this.#offered = sum;
    this.#labels = [...labels];
    for (const [label, count] of counts) this.#offeredOf.set(label, count);
    for (const [label, count] of held) this.#held.set(label, count);
  }

  #take(slot: number, label: number): number {
    const before = this.#labels[slot];
    if (before !== undefined) {
      const left = this.#held.get(before)! - 1;
      if (left === 0) this.#held.delete(before);
      else this.#held.set(before, left);
    }
    this.#labels[slot] = label;
    this.#held.set(label, (this.#held.get(label) ?? 0) + 1);
    return slot;
  }

  #slotsWhere(holds: (label: number) => boolean): number[] {
    return this.#labels.flatMap((label, slot) => holds(label) ? [slot] : []);
  }
}

function countsOf(labels: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}
