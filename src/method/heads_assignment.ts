/** The votes of a new task's training images, and the heads they may go to. */
export interface HeadVotes {
  /** The task's real classes, ascending. */
  classes: readonly number[];
  /** `counts[row][head]`: images of `classes[row]` whose argmax over all heads is `head`. */
  counts: readonly ArrayLike<number>[];
  /** Heads without a class, in any order. */
  free: Iterable<number>;
}

/**
 * Gives each class of a new task one free head and returns the heads in the order of `classes`.
 *
 * Greedy: as often as there are classes, the largest count of a class without head and a free head is
 * taken; ties go to the smallest row, then to the smallest head. A class that no free head answers to
 * ends up with the lowest one left. Source: the official `get_next_pos_classes`.
 *
 * `rowOrder` "official" repeats its mistake: rows are filled in the order in which Python iterates the
 * set of labels, but the result is paired with the classes in ascending order, so that classes get each
 * other's heads wherever the two differ. It matters for CIFAR-100 (tasks 3, 6, 9) and
 * ImageNet-100 (tasks 6, 12, 19) only; "ascending" gives each class its own.
 */
export function assignHeads(
  { classes, counts, free }: HeadVotes,
  rowOrder: "ascending" | "official" = "ascending",
): number[] {
  const heads = [...new Set(free)].sort((a, b) => a - b);
  if (counts.length !== classes.length) {
    throw new TypeError(
      `Cannot assign heads: ${classes.length} classes but ${counts.length} rows of counts, ` +
        `give one row per class`,
    );
  }
  if (heads.length < classes.length) {
    throw new RangeError(
      `Cannot assign heads: ${classes.length} classes but ${heads.length} free heads, ` +
        `give at least one free head per class`,
    );
  }
  if (rowOrder === "ascending") return assignRows(counts, heads);
  const rowOf = new Map(classes.map((realClass, row) => [realClass, row]));
  return assignRows(pythonSetOrder(classes).map((label) => counts[rowOf.get(label)!]), heads);
}

function assignRows(rows: readonly ArrayLike<number>[], ascendingHeads: number[]): number[] {
  const assigned: number[] = new Array(rows.length).fill(-1);
  const free = new Set(ascendingHeads);
  for (let round = 0; round < rows.length; round++) {
    let best = { row: -1, head: -1, count: -1 };
    rows.forEach((counts, row) => {
      if (assigned[row] !== -1) return;
      for (const head of free) {
        // Strictly larger, so that the first in reading order wins a tie.
        if (counts[head] > best.count) best = { row, head, count: counts[head] };
      }
    });
    if (best.row === -1) {
      throw new RangeError(
        `Cannot assign heads: no count for the free heads ${[...free]}, give every row ` +
          `one count, 0 or more, per head`,
      );
    }
    assigned[best.row] = best.head;
    free.delete(best.head);
  }
  return assigned;
}

/**
 * The order in which CPython iterates a set of the given small integers.
 *
 * A set is a hash table, an integer's hash is itself, and iteration walks the table: labels come by
 * label mod table size. The table starts with 8 places; once 5 * used >= 3 * (size - 1) it grows to the
 * smallest power of two above 4 * used. So 32 places from 5 labels on, 128 from 19, 512 from 77
 * (`set_add_entry` and `set_table_resize` in CPython's Objects/setobject.c). The rule for labels that
 * collide depends on the order of insertion and is not needed: a task's classes are consecutive.
 */
export function pythonSetOrder(labels: readonly number[]): number[] {
  let size = 8;
  for (let used = 1; used <= labels.length; used++) {
    if (5 * used < 3 * (size - 1)) continue;
    size = 8;
    while (size <= 4 * used) size *= 2;
  }
  if (new Set(labels.map((label) => label % size)).size < labels.length) {
    throw new RangeError(
      `Cannot order labels as a Python set: ${labels} collide modulo ${size}, ` +
        `use consecutive classes or the ascending row order`,
    );
  }
  return labels.toSorted((a, b) => a % size - b % size);
}
