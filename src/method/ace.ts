/**
 * Heads that stay open in the asymmetric cross-entropy of a stream batch (ACE; Caccia et al., ICLR 2022): classes in
 * the batch, and classes still to come. All others are masked, so that new data cannot push old classes away.
 *
 * "paper": the classes still to come are the heads that no class has taken yet. In the first task nothing is masked.
 */
export function aceOpenHeads(
  { present, free, all, task }: {
    /** Labels of the stream batch. */
    present: ReadonlySet<number>;
    /** Heads without a class. */
    free: ReadonlySet<number>;
    all: ReadonlySet<number>;
    task: number;
  },
): ReadonlySet<number> {
  return task === 0 ? all : new Set([...present, ...free]);
}

/**
 * The rule as the official implementation executes it: "still to come" are the heads from the highest one seen so far
 * on, that one included, and none once the last head was seen; `seen` includes the labels of this batch (dreams too).
 */
export function aceOpenHeadsOfficial(
  { present, seen, all, task }: {
    present: ReadonlySet<number>;
    seen: ReadonlySet<number>;
    all: ReadonlySet<number>;
    task: number;
  },
): ReadonlySet<number> {
  if (task === 0) return all;
  const highest = Math.max(...seen);
  const open = new Set(present);
  if (highest < all.size - 1) { for (let head = highest; head < all.size; head++) open.add(head); }
  return open;
}
