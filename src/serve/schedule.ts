/** When a learner sleeps without being asked. */
export interface SleepTimes {
  /** Seconds without a request; null: never. */
  readonly idle: number | null;
  /** Minutes since midnight, local time; null: at no fixed time. */
  readonly daily: number | null;
}

/**
 * Whether the time of the day has come. It comes once a day, whoever sets the clock: a clock that goes back does not
 * bring it again, one that is set ahead brings it at once, and one that was far ahead is not waited for.
 *
 * @param last the day on which it came last, as {@linkcode dayOf} gives it; null: never
 */
export function isDue(now: Date, daily: number, last: string | null): boolean {
  if (now.getHours() * 60 + now.getMinutes() < daily) return false;
  const today = dayOf(now);
  if (last === null || last < today) return true;
  // Two days ahead no correction of a clock leads back to: it was wrong.
  const tomorrow = dayOf(new Date(now.getTime() + 24 * 3600e3));
  return last > tomorrow;
}

/** `2026-11-26`, local time. */
export function dayOf(now: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}
