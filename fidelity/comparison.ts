/** What was found about one quantity (losses, weights, ...) of a recording. */
interface Finding {
  error: number;
  limit: number;
  where: string;
}

/**
 * Collects comparisons of what the program computes with what was recorded. Of each quantity the comparison that comes
 * nearest to its limit, or exceeds it most, is kept.
 */
export class Comparison {
  readonly #findings = new Map<string, Finding>();
  readonly #notes: string[] = [];

  /** Largest `|actual - expected|`, held to `limit` times the largest expected magnitude, at least 1. */
  close(
    quantity: string,
    where: string,
    actual: ArrayLike<number>,
    expected: ArrayLike<number>,
    limit: number,
  ): void {
    if (actual.length !== expected.length) {
      this.#keep(quantity, { error: Infinity, limit, where: `${where}: another length` });
      return;
    }
    let error = 0;
    let scale = 1;
    for (let i = 0; i < expected.length; i++) {
      const distance = actual[i] === expected[i] ? 0 : Math.abs(actual[i] - expected[i]);
      if (!(distance <= error)) error = Number.isNaN(distance) ? Infinity : distance;
      scale = Math.max(scale, Math.abs(expected[i]));
    }
    this.#keep(quantity, { error: error / scale, limit, where });
  }

  /** Whole numbers: the error is how many differ, and none may. */
  same(
    quantity: string,
    where: string,
    actual: ArrayLike<number>,
    expected: ArrayLike<number>,
  ): void {
    let error = actual.length === expected.length ? 0 : Infinity;
    for (let i = 0; i < expected.length; i++) if (actual[i] !== expected[i]) error++;
    this.#keep(quantity, { error, limit: 0, where });
  }

  /** What the reader should know beside the numbers. */
  note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text);
  }

  /** Takes over what another comparison has found. */
  merge(other: Comparison): void {
    for (const [quantity, finding] of other.#findings) this.#keep(quantity, finding);
    for (const text of other.#notes) this.note(text);
  }

  /** Whether all whole numbers agreed. */
  get countsAgree(): boolean {
    return [...this.#findings.values()].every(({ error, limit }) => limit > 0 || error === 0);
  }

  get empty(): boolean {
    return this.#findings.size === 0;
  }

  /** Whether every comparison kept its limit, and there was one. */
  get ok(): boolean {
    return this.#findings.size > 0 &&
      [...this.#findings.values()].every(({ error, limit }) => error <= limit);
  }

  /** Quantities with their worst errors, worst first: `losses 2.4e-7 of 1e-4 (step 12), ...; notes`. */
  toString(): string {
    const findings = [...this.#findings].sort(([, a], [, b]) => nearness(b) - nearness(a));
    const texts = findings.map(([quantity, { error, limit, where }]) => {
      if (limit === 0) {
        return error === 0 ? `${quantity} equal` : `${quantity}: ${error} differ (${where})`;
      }
      return `${quantity} ${short(error)} of ${short(limit)} (${where})`;
    });
    return [texts.join(", ") || "nothing to compare", ...this.#notes].join("; ");
  }

  #keep(quantity: string, finding: Finding): void {
    const before = this.#findings.get(quantity);
    if (!before || nearness(finding) > nearness(before)) this.#findings.set(quantity, finding);
  }
}

/** Above 1: the limit is exceeded. */
function nearness({ error, limit }: Finding): number {
  return limit === 0 ? (error === 0 ? 0 : Infinity) : error / limit;
}

function short(value: number): string {
  return value === 0 ? "0" : value.toExponential(1).replace(".0e", "e");
}
