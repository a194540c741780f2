import type { Arena } from "../gpu/tensor.ts";
import type { Draws } from "../random.ts";
import { ImageMemory, type RememberedExample, type Selection } from "./image_memory.ts";

/**
 * Examples of all tasks so far: a uniform sample of everything ever offered, or, balanced, as many of each class as fit.
 * A share of the slots is set apart to judge freezing and is never replayed; since every slot is an equally good
 * sample, these are simply the first ones. A balanced memory is even as a whole: within either part classes differ by
 * chance.
 */
export class LongTermMemory extends ImageMemory {
  /** Slots set apart for judging. */
  readonly judging: number;

  constructor(
    arena: Arena,
    options: {
      label: string;
      source: number;
      capacity: number;
      height: number;
      width: number;
      /** Share of the slots set apart, 0 to 1 (paper: 0.1). */
      judgingShare: number;
      /** Heads whose logits are kept with each image; default 0, none. */
      logits?: number;
      /** Default `reservoir`. */
      selection?: Selection;
    },
  ) {
    super(arena, options);
    this.judging = Math.round(options.judgingShare * options.capacity);
  }

  /** `count` different examples to replay, or as many as there are; uniform. */
  draw(count: number, random: Draws<"sampleWithoutReplacement">): RememberedExample[] {
    const available = Math.max(0, this.filled - this.judging);
    const drawn = random.sampleWithoutReplacement(available, Math.min(count, available));
    return Array.from(drawn, (i) => this.example(this.judging + i));
  }

  /** The examples that may be replayed, in slot order. */
  replayed(): RememberedExample[] {
    return Array.from(
      { length: Math.max(0, this.filled - this.judging) },
      (_, i) => this.example(this.judging + i),
    );
  }

  /** The same by label, labels ascending. */
  examplesByLabel(): Map<number, RememberedExample[]> {
    const groups = Map.groupBy(this.replayed(), ({ label }) => label);
    return new Map([...groups].sort(([a], [b]) => a - b));
  }

  /** The examples that judge freezing candidates. */
  judges(): RememberedExample[] {
    return Array.from(
      { length: Math.min(this.judging, this.filled) },
      (_, slot) => this.example(slot),
    );
  }
}
