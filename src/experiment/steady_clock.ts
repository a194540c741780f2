/**
 * Milliseconds since 1970 as the clock had it when the program started, and what has passed since: nobody who sets the
 * clock, and no summer time, makes a run miss its checkpoints or its deadline.
 */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now();
}
