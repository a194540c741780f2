/**
 * 97.5 % quantiles of Student's t distribution for 1, 2, ... degrees of freedom (NIST/SEMATECH e-Handbook,
 * 1.3.6.7.2).
 */
const T = [
  ...[12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228],
  ...[2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086],
  ...[2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042],
];

/** The 97.5 % quantile of Student's t; beyond 30 degrees of freedom that of 30, which is on the safe side. */
export function tQuantile(degrees: number): number {
  if (!(Number.isInteger(degrees) && degrees >= 1)) {
    throw new RangeError(`Cannot take a t quantile: ${degrees} degrees of freedom, use 1 or more`);
  }
  return T[Math.min(degrees, T.length) - 1];
}

/** Mean and sample standard deviation (n - 1); the deviation of one value is null. */
export interface MeanAndDeviation {
  readonly mean: number;
  readonly deviation: number | null;
  readonly count: number;
}

/** Null for no values. */
export function meanAndDeviation(values: readonly number[]): MeanAndDeviation | null {
  const count = values.length;
  if (count === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { mean, deviation: null, count };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (count - 1)), count };
}

/** How much better the first of two is, over pairs that share their seed. */
export interface PairedDifference {
  readonly mean: number;
  /** The 95 % confidence interval of the mean by Student's t; null for a single pair. */
  readonly interval: readonly [low: number, high: number] | null;
  readonly pairs: number;
  /** Pairs in which the first is larger. */
  readonly wins: number;
}

/** Null for no pairs. */
export function pairedDifference(
  pairs: readonly (readonly [first: number, second: number])[],
): PairedDifference | null {
  const differences = pairs.map(([first, second]) => first - second);
  const found = meanAndDeviation(differences);
  if (!found) return null;
  const { mean, deviation, count } = found;
  const half = deviation === null ? null : tQuantile(count - 1) * deviation / Math.sqrt(count);
  return {
    mean,
    interval: half === null ? null : [mean - half, mean + half],
    pairs: count,
    wins: differences.filter((difference) => difference > 0).length,
  };
}
