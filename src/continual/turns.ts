/** Does one thing after the other, in the order in which they were asked for, however those before have ended. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #pending = 0;

  /** Whether something goes on, or waits for its turn. */
  get busy(): boolean {
    return this.#pending > 0;
  }

  /** What `work` comes to, once it is its turn. `work` must not wait for a later turn. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#pending++;
    // Whoever asked for it is told of what fails.
    this.#last = turn.catch(() => {}).finally(() => this.#pending--);
    return turn;
  }
}
