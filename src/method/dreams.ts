import { dreamTrain } from "../images/task_stream.ts";
import type { Sample } from "../learner/batch.ts";
import { type Session, shuffled } from "./session.ts";

/** All dreams of the heads that are still free, in data order, labelled with these heads. */
export function dreamsOfFreeHeads(
  { dreams, heads }: Pick<Session, "dreams" | "heads">,
): Sample[] {
  if (!dreams) return [];
  const { images, heads: labels } = dreamTrain(dreams.heads, heads.free);
  return Array.from(
    images,
    (index, i): Sample => ({ from: dreams.store, index, label: labels[i] }),
  );
}

/**
 * The dreams of one night, in random order: each is shown once before any is shown again, so that a batch may begin with
 * the last ones of one round and end with the first ones of the next.
 */
export class Dreams {
  readonly #session: Session;
  readonly #all: readonly Sample[];
  #left: Sample[] = [];

  constructor(session: Session) {
    this.#session = session;
    this.#all = dreamsOfFreeHeads(session);
  }

  /** How many there are; 0 where there is no dream set, or every head has its class (last task). */
  get count(): number {
    return this.#all.length;
  }

  /** The next `count` dreams, or all of them where there are fewer. */
  next(count: number): Sample[] {
    const size = Math.min(count, this.count);
    if (this.#left.length < size) {
      this.#left.push(...shuffled(this.#all, this.#session.random.sleep));
    }
    return this.#left.splice(0, size);
  }
}
