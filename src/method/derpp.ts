import type { Sample } from "../learner/batch.ts";
import { learnByReplay, offerToMemory, type ReplayStep, type StepOptions } from "./replay.ts";
import { plainSegment, replaySegment, type Session, type Task } from "./session.ts";

/** Factors of the two replay terms of DER++. */
export interface DerppOptions {
  /** Factor of the mean squared distance to remembered logits. */
  readonly alpha: number;
  /** Factor of the cross-entropy on remembered labels. */
  readonly beta: number;
}

/**
 * One step of DER++ (Buzzega et al., NeurIPS 2020), as the official `observe` executes it: cross-entropy on the stream
 * and, as soon as anything is remembered, alpha times the squared distance of one replayed batch to the logits
 * remembered with it, plus beta times the cross-entropy of another one. Three segments, so three batch statistics,
 * all heads open, one update. Then the stream samples of the task are offered to the long-term memory, each with the
 * logits it had in this step (training mode, augmented image, before the update).
 */
export async function derppStep(
  session: Session,
  task: Task,
  batch: readonly Sample[],
  { phase, alpha, beta }: Pick<StepOptions, "phase"> & DerppOptions,
): Promise<void> {
  const { learner, longTerm } = session;
  const targets = longTerm.logits;
  if (targets === null) {
    throw new TypeError(
      "Cannot run DER++: the long-term memory keeps no logits; create it with them",
    );
  }
  const distilled = replaySegment(session);
  const labelled = replaySegment(session);
  const replay = distilled && labelled
    ? [
      { ...distilled, weight: 0, distillation: { weight: alpha, heads: learner.heads, targets } },
      { ...labelled, weight: beta },
    ]
    : [];
  const samples = offerToMemory(session, task, batch);
  await learner.step(
    phase,
    [plainSegment(session, samples), ...replay],
    longTerm.tensor,
    targets,
  );
}

/** {@linkcode derppStep} with its factors set. */
export function derppStepWith(options: DerppOptions): ReplayStep {
  return (session, task, batch, step) => derppStep(session, task, batch, { ...step, ...options });
}

/** DER++ alone: `epochs` passes over the task's stream. */
export async function learnDerpp(
  session: Session,
  task: Task,
  options: DerppOptions,
): Promise<void> {
  await learnByReplay(session, task, new Set(), derppStepWith(options));
}
