import type { Sample } from "../learner/batch.ts";
import { assignHeads } from "./heads_assignment.ts";
import type { Learner } from "../learner/learner.ts";
import type { MethodOptions } from "./options.ts";

/** Which class has which output head. Labels everywhere else are head numbers. */
export class HeadTable {
  /** All heads, 0 .. total - 1. */
  readonly all: ReadonlySet<number>;
  /** Heads without a class: where dreams live. */
  readonly free: Set<number>;
  readonly #headOfClass = new Map<number, number>();

  constructor(total: number) {
    this.all = new Set(Array(total).keys());
    this.free = new Set(this.all);
  }

  /** @throws {RangeError} for a class that has no head yet. */
  headOf(realClass: number): number {
    const head = this.#headOfClass.get(realClass);
    if (head === undefined) {
      throw new RangeError(`Cannot label class ${realClass}: its task has not begun`);
    }
    return head;
  }

  /** Gives `heads[i]` to `classes[i]`. */
  assign(classes: readonly number[], heads: readonly number[]): void {
    classes.forEach((realClass, i) => {
      if (!this.free.delete(heads[i])) {
        throw new RangeError(`Cannot assign head ${heads[i]}: it is taken`);
      }
      this.#headOfClass.set(realClass, heads[i]);
    });
  }

  /** The lowest free heads, as many as there are classes: what a task takes when nothing is chosen. */
  next(count: number): number[] {
    return [...this.free].sort((a, b) => a - b).slice(0, count);
  }
}

/**
 * Chooses heads for the classes of a new task from the model's own activations: in inference mode it sees the new
 * task's images, and each class gets, greedily and one-to-one, the free head that most of its images answer with. The
 * dreams have stretched the feature space towards these heads, so a new class starts from the head that is nearest to
 * it.
 *
 * Samples carry the position of their class in `classes` as label. `votes` says which heads an image can answer with:
 * all, so that one which looks like a known class has no say, or the free ones. Under "official" images are augmented
 * and the rows follow Python's set order, as the official program has it.
 */
export async function chooseHeads(
  learner: Learner,
  table: HeadTable,
  classes: readonly number[],
  samples: readonly Sample[],
  { compat, headVotes }: Pick<MethodOptions, "compat" | "headVotes">,
): Promise<number[]> {
  const voters = headVotes === "free" ? table.free : table.all;
  const [counts] = await learner.predictions(samples, [voters], compat === "official");
  return assignHeads(
    { classes, counts: counts.slice(0, classes.length), free: table.free },
    compat === "official" ? "official" : "ascending",
  );
}
