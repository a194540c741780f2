/** What a request is refused with: an HTTP status, and what was found and what to do. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  /** Seconds after which another attempt makes sense. */
  readonly retryAfter: number | null;

  /** @param message "Cannot ACTION: what was found; the fix" */
  constructor(status: number, message: string, retryAfter: number | null = null) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}
