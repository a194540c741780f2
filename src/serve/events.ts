/** Something that has happened; what subscribers are sent. */
export interface ServiceEvent {
  /** Counts events of this process. */
  readonly id: number;
  /** `night`, `phase`, `step`, `dawn`, `message`, `forgotten`, `snapshot`, `restored`. */
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Events that a subscriber who reads slowly may be behind; then it is let go. */
const MOST_BEHIND = 256;
/** Events that are kept for those who come again. */
const MOST_KEPT = 256;

/** Tells subscribers what happens. */
export class Events {
  readonly #subscribers = new Set<Subscription>();
  #kept: ServiceEvent[] = [];
  #last = 0;

  /** Subscribers, but for the process's own. */
  get count(): number {
    return [...this.#subscribers].filter(({ isOwn }) => !isOwn).length;
  }

  /** Tells all. */
  emit(type: string, facts: Readonly<Record<string, unknown>> = {}): void {
    const event: ServiceEvent = { ...facts, id: ++this.#last, type };
    this.#kept = [...this.#kept, event].slice(-MOST_KEPT);
    for (const subscription of this.#subscribers) subscription.tell(event);
  }

  /**
   * Events from now on, and those behind `after` that are still kept.
   *
   * @param options.isOwn the process itself reads them, as to print them. Default false.
   */
  subscribe(
    after: number | null,
    { isOwn = false }: { readonly isOwn?: boolean } = {},
  ): Subscription {
    const missed = after === null ? [] : this.#kept.filter(({ id }) => id > after);
    const subscription = new Subscription(
      missed,
      () => this.#subscribers.delete(subscription),
      isOwn,
    );
    this.#subscribers.add(subscription);
    return subscription;
  }

  /** Ends all subscriptions. */
  close(): void {
    for (const subscription of [...this.#subscribers]) subscription.close();
  }
}

/** One who reads events. */
export class Subscription {
  /** Of the process itself. */
  readonly isOwn: boolean;
  readonly #waiting: ServiceEvent[];
  readonly #leave: () => void;
  #wake: () => void = () => {};
  #closed = false;

  /** Begins with what was missed. */
  constructor(missed: readonly ServiceEvent[], leave: () => void, isOwn = false) {
    this.isOwn = isOwn;
    this.#waiting = [...missed];
    this.#leave = leave;
  }

  /** Adds an event; who is too far behind is let go. */
  tell(event: ServiceEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length > MOST_BEHIND) this.close();
    this.#wake();
  }

  /** The next event; null: none within so many milliseconds; undefined: it is over. */
  async next(within: number): Promise<ServiceEvent | null | undefined> {
    if (this.#waiting.length === 0 && !this.#closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, within);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
    }
    if (this.#closed) return undefined;
    return this.#waiting.shift() ?? null;
  }

  /** Ends it. */
  close(): void {
    this.#closed = true;
    this.#leave();
    this.#wake();
  }
}
