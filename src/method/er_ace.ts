import { aceOpenHeads, aceOpenHeadsOfficial } from "./ace.ts";
import type { Sample } from "../learner/batch.ts";
import { learnByReplay, offerToMemory, type SeenHeads, type StepOptions } from "./replay.ts";
import { replaySegment, type Session, type Task } from "./session.ts";

/**
 * One step of ER-ACE (Caccia et al., ICLR 2022), as the official `observe` executes it: the stream batch under the ACE
 * loss plus, from the second task on, a replayed batch under plain cross-entropy, one update; then those stream samples
 * that belong to the task (not dreams) are offered to the long-term memory, in batch order.
 */
export async function erAceStep(
  session: Session,
  task: Task,
  batch: readonly Sample[],
  { seen, phase }: StepOptions,
): Promise<void> {
  const { learner, longTerm, heads } = session;
  const present = new Set(batch.map(({ label }) => label));
  for (const label of present) seen.add(label);
  const open = session.options.compat === "official"
    ? aceOpenHeadsOfficial({ present, seen, all: heads.all, task: task.index })
    : aceOpenHeads({ present, free: heads.free, all: heads.all, task: task.index });
  const replay = task.index > 0 ? replaySegment(session) : null;
  const samples = offerToMemory(session, task, batch);
  await learner.step(phase, [{ samples, open }, ...(replay ? [replay] : [])], longTerm.tensor);
}

/** ER-ACE alone: `epochs` passes over the task's stream. */
export async function learnErAce(session: Session, task: Task, seen: SeenHeads): Promise<void> {
  await learnByReplay(session, task, seen, erAceStep);
}
