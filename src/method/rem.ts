import type { Sample } from "./batch.ts";
import { plainSegment, type Session, shuffled } from "./session.ts";

/**
 * The dreams of one sleep: images of the auxiliary classes bound to heads that are still free, labelled with these heads,
 * in random order and, when used up, in another.
 */
export class Dreams {
  readonly #session: Session;
  readonly #all: Sample[];
  #left: Sample[] = [];

  constructor(session: Session) {
    this.#session = session;
    const { dreams, heads } = session;
    this.#all = dreams
      ? [...heads.free].sort((a, b) => a - b).flatMap((head) =>
        Array.from(
          dreams.heads.imagesOfHead[head],
          (index) => ({ from: dreams.store, index, label: head }),
        )
      )
      : [];
  }

  /** No dream is left to dream: there is no dream set, or every head has its class (last task). */
  get empty(): boolean {
    return this.#all.length === 0;
  }

  next(count: number): Sample[] {
    const size = Math.min(count, this.#all.length);
    if (this.#left.length < size) this.#left = shuffled(this.#all, this.#session.random.sleep);
    return this.#left.splice(0, size);
  }
}

/**
 * One REM step: a batch of dreams under plain cross-entropy, over the free heads and those already taken, one update of
 * all plastic layers: the feature space is stretched towards what is still to come.
 */
export async function remStep(session: Session, dreams: Dreams): Promise<void> {
  await session.learner.step("rem", [
    plainSegment(session, dreams.next(session.options.batchSize)),
  ]);
}
