/** Clients that are remembered; who was quiet longest is forgotten first. */
const MOST_CLIENTS = 10_000;

/** A bucket of requests for each client, which fills at a rate and holds two seconds of it. */
export class RateLimit {
  readonly #rate: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /**
   * @param rate requests a second
   * @param now milliseconds, of a clock that nobody sets
   */
  constructor(rate: number, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Takes one; returns 0, or the seconds to wait for the next one. */
  take(client: string): number {
    const now = this.#now();
    const most = 2 * this.#rate;
    const { tokens, at } = this.#buckets.get(client) ?? { tokens: most, at: now };
    const filled = Math.min(most, tokens + (now - at) / 1000 * this.#rate);
    this.#buckets.delete(client);
    const isFree = filled >= 1;
    this.#buckets.set(client, { tokens: isFree ? filled - 1 : filled, at: now });
    if (this.#buckets.size > MOST_CLIENTS) {
      this.#buckets.delete(this.#buckets.keys().next().value!);
    }
    return isFree ? 0 : Math.max(1, Math.ceil((1 - filled) / this.#rate));
  }
}
