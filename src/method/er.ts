import type { Sample } from "../learner/batch.ts";
import { learnByReplay, offerToMemory, type StepOptions } from "./replay.ts";
import { plainSegment, replaySegment, type Session, type Task } from "./session.ts";

/**
 * One step of ER (experience replay; Riemer et al., ICLR 2019), as the official `observe` executes it: stream and, as
 * soon as anything is remembered, also in the first task, a replayed batch go through the network as one batch, so they
 * share batch statistics and each image counts the same; plain cross-entropy, one update. Then the stream samples of
 * the task are offered to the long-term memory.
 */
export async function erStep(
  session: Session,
  task: Task,
  batch: readonly Sample[],
  { phase }: Pick<StepOptions, "phase">,
): Promise<void> {
  const { learner, longTerm } = session;
  const replay = replaySegment(session);
  const stream = offerToMemory(session, task, batch);
  const samples = [...stream, ...(replay?.samples ?? [])];
  await learner.step(phase, [plainSegment(session, samples)], longTerm.tensor);
}

/** ER alone: `epochs` passes over the task's stream. */
export async function learnEr(session: Session, task: Task): Promise<void> {
  await learnByReplay(session, task, new Set(), erStep);
}
