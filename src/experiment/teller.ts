import type { Recording } from "../gpu/recording.ts";
import type { Phase, RunEvent } from "./events.ts";

/** Tells what happens to whoever listens, and to the log of the run. */
export class Teller {
  readonly #listener: (event: RunEvent) => void;
  readonly #log: (event: RunEvent) => void;
  #phase: Phase = "data";
  #recording: Recording | null = null;

  constructor(listener: (event: RunEvent) => void, log: (event: RunEvent) => void) {
    this.#listener = listener;
    this.#log = log;
  }

  /** What the run is busy with. */
  get phase(): Phase {
    return this.#phase;
  }

  /** What a replay of this recording says has been said before. */
  follow(recording: Recording): void {
    this.#recording = recording;
  }

  /** Logs an event and tells it. */
  emit(event: RunEvent): void {
    if (event.type === "phase") this.#phase = event.phase;
    if (this.#recording?.replaying) return;
    this.#log(event);
    this.#listener(event);
  }

  /** Logs a line and tells it. */
  note(text: string): void {
    this.emit({ type: "message", text });
  }

  /** Tells what the log has, or need not have. */
  tell(event: RunEvent): void {
    this.#listener(event);
  }

  /** Tells a failure, which the log has if it can be written. */
  fail({ name, message }: Error): void {
    const event: RunEvent = { type: "error", name, message };
    try {
      this.#log(event);
    } catch {
      // A log that cannot be written is often the failure itself, which is told in any case.
    }
    this.#listener(event);
  }
}
