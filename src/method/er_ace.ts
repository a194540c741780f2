import { aceOpenHeads, aceOpenHeadsOfficial } from "./ace.ts";
import type { Sample } from "./batch.ts";
import type { StepPhase } from "./learner.ts";
import { batchesOf, replaySegment, type Session, shuffled, type Task } from "./session.ts";

/** Labels that the ER-ACE learner has met so far, dreams included; the official mask depends on them. */
export type SeenHeads = Set<number>;

/**
 * One step of ER-ACE (Caccia et al., ICLR 2022), as the official `observe` executes it: the stream batch under the ACE
 * loss plus, from the second task on, a replayed batch under plain cross-entropy, one update; then those stream samples
 * that belong to the task (not dreams) are offered to the long-term memory, in batch order.
 */
export async function erAceStep(
  session: Session,
  task: Task,
  batch: readonly Sample[],
  options: { readonly seen: SeenHeads; readonly phase: StepPhase; readonly remembers: boolean },
): Promise<void> {
  const { learner, longTerm, heads, random } = session;
  const present = new Set(batch.map(({ label }) => label));
  for (const label of present) options.seen.add(label);
  const open = session.options.compat === "official"
    ? aceOpenHeadsOfficial({ present, seen: options.seen, all: heads.all, task: task.index })
    : aceOpenHeads({ present, free: heads.free, all: heads.all, task: task.index });
  const replay = task.index > 0 ? replaySegment(session) : null;

  const kept = batch.flatMap(({ label }, row) =>
    options.remembers && task.heads.includes(label) ? [row] : []
  );
  const slots = longTerm.offer(kept.map((row) => batch[row].label), random.reservoir);
  const slotOf = new Map(kept.map((row, i) => [row, slots[i]]));
  const samples = batch.map((sample, row) => ({ ...sample, slot: slotOf.get(row) ?? -1 }));
  await learner.step(
    options.phase,
    [{ samples, open }, ...(replay ? [replay] : [])],
    longTerm.tensor,
  );
}

/** ER-ACE alone: `epochs` passes over the task's stream. */
export async function learnErAce(session: Session, task: Task, seen: SeenHeads): Promise<void> {
  const { options, random } = session;
  session.begin("stream", options.epochs * Math.ceil(task.train.length / options.batchSize));
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    for (const batch of batchesOf(shuffled(task.train, random.order), options.batchSize)) {
      await erAceStep(session, task, batch, { seen, phase: "stream", remembers: true });
    }
  }
}
