import { dreamTrain } from "../images/task_stream.ts";
import { type Sample, samplesOf } from "../learner/batch.ts";
import { type Session, shuffled } from "./session.ts";

/**
 * All dreams of the heads that are still free, labelled with these heads: the auxiliary images that are bound to
 * them, or turned pictures of what is remembered.
 */
export function dreamsOfFreeHeads(session: Session): Sample[] {
  return session.options.dreamsFrom === "memory"
    ? dreamsOfMemory(session)
    : dreamsOfImages(session);
}

/** The auxiliary images that are bound to heads that are still free, in data order; none where there are none. */
export function dreamsOfImages({ dreams, heads }: Session): Sample[] {
  if (!dreams) return [];
  const { images, heads: labels } = dreamTrain(dreams.heads, heads.free);
  return Array.from(
    images,
    (image, i): Sample => ({ from: dreams.store, image, label: labels[i] }),
  );
}

/** Quarter turns that make another picture of one. */
const TURNS = [1, 2, 3] as const;

/**
 * Dreams where there are no auxiliary images, for as long as the memories stay as they are: each free head is given a
 * class that is remembered, turned by one, two or three quarters, another for each head and drawn anew each time; all
 * its pictures in the short-term memory and among those replayed of the long-term memory are dreams of this head. Where
 * there are more free heads than such pairs, the others have no dreams. Turned pictures as further classes: PASS (Zhu et
 * al., CVPR 2021), after Gidaris et al. (ICLR 2018).
 */
function dreamsOfMemory({ heads, shortTerm, longTerm, random }: Session): Sample[] {
  const remembered = Map.groupBy(
    [
      ...samplesOf(shortTerm, shortTerm.episodes()),
      ...samplesOf(longTerm, longTerm.replayed()),
    ],
    ({ label }) => label,
  );
  const classes = [...remembered.keys()].sort((a, b) => a - b);
  const pairs = classes.flatMap((known) => TURNS.map((turns) => ({ known, turns })));
  const free = [...heads.free].sort((a, b) => a - b);
  const drawn = free.length === 0 || pairs.length === 0 ? [] : shuffled(pairs, random.sleep);
  return free.slice(0, drawn.length).flatMap((label, i) => {
    const { known, turns } = drawn[i];
    return remembered.get(known)!.map((sample): Sample => ({ ...sample, label, turns }));
  });
}

/**
 * Dreams in random order: each is shown once before any is shown again, so that a batch may begin with the last ones of
 * one round and end with the first ones of the next.
 */
export class Dreams {
  readonly #session: Session;
  readonly #all: readonly Sample[];
  #left: Sample[] = [];

  constructor(session: Session, all: readonly Sample[] = dreamsOfFreeHeads(session)) {
    this.#session = session;
    this.#all = all;
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
