import type { Sample } from "../learner/batch.ts";
import { calibrate } from "./calibration.ts";
import type { StepPhase } from "../learner/options.ts";
import { batchesOf, type Session, shuffled, type Task } from "./session.ts";

/** Labels that a learner has met so far, dreams included; the official ER-ACE mask depends on them. */
export type SeenHeads = Set<number>;

/** What a step of a replay method needs besides its batch. */
export interface StepOptions {
  readonly seen: SeenHeads;
  readonly phase: StepPhase;
}

/** One training step of a replay method on a batch of the stream, as the official `observe` executes it. */
export type ReplayStep = (
  session: Session,
  task: Task,
  batch: readonly Sample[],
  options: StepOptions,
) => Promise<void>;

/** A replay method alone: `epochs` passes over the task's stream. */
export async function learnByReplay(
  session: Session,
  task: Task,
  seen: SeenHeads,
  step: ReplayStep,
): Promise<void> {
  const { options, random } = session;
  const steps = options.epochs * Math.ceil(task.train.length / options.batchSize);
  session.begin("stream", steps);
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    for (const batch of batchesOf(shuffled(task.train, random.order), options.batchSize)) {
      await step(session, task, batch, { seen, phase: "stream" });
    }
  }
  await calibrate(session, task);
}

/**
 * Offers those samples of a stream batch that belong to the task (not dreams) to the long-term memory, in batch order,
 * and returns the batch with the slots that the step is to write. Draw the replay before: the memory as it was replays.
 */
export function offerToMemory(
  session: Session,
  task: Task,
  batch: readonly Sample[],
): Sample[] {
  const { longTerm, random } = session;
  const kept = batch.flatMap(({ label }, row) => task.heads.includes(label) ? [row] : []);
  const slots = longTerm.offer(kept.map((row) => batch[row].label), random.reservoir);
  const slotOf = new Map(kept.map((row, i) => [row, slots[i]]));
  return batch.map((sample, row) => ({ ...sample, slot: slotOf.get(row) ?? -1 }));
}
