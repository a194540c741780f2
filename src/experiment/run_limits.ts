/** Thrown where the run is to end early: at a point, when a checkpoint has been written there, or before it begins. */
export class Interrupted extends Error {
  /** Takes what ended it: the user, or the time it was given. */
  constructor(readonly reason: "request" | "time") {
    super(reason === "time" ? "The time is up" : "Stopped on request");
  }
}

/** What may end a run early. */
export interface EarlyEnd {
  /** True once the user has asked to stop. */
  shouldStop(): boolean;
  /** Milliseconds since 1970 by which the run must have ended and been saved; null: none. */
  readonly deadline: number | null;
  /** Milliseconds since 1970, by a clock that nobody sets while the run goes on. */
  now(): number;
}

/**
 * Milliseconds kept free before the deadline for what happens behind the last checkpoint: model, summary, end of the
 * process.
 */
const SLACK = 2000;

/** Why the run is to end now, where saving it takes so many milliseconds; null: it may go on. */
export function reasonToEnd(
  ending: EarlyEnd,
  saving: () => number = () => 0,
): Interrupted["reason"] | null {
  if (ending.shouldStop()) return "request";
  const { deadline } = ending;
  return deadline !== null && ending.now() + SLACK + saving() > deadline ? "time" : null;
}
