import { aceOpenHeads } from "./ace.ts";
import type { Sample, Segment } from "./batch.ts";
import { type FreezingChoice, searchFreezing } from "./freezing.ts";
import { batchesOf, type Session, shuffled, type Task } from "./session.ts";

/**
 * Wake: one epoch over the task's stream, the ACE loss on the stream alone, no replay and no dreams: fast, narrow
 * learning. Every image seen is offered to the short-term memory. From the second task on this epoch is the search for
 * how much to freeze (see {@linkcode searchFreezing}), judged in inference mode on validation images of the new task and
 * on the long-term memory's share for judging.
 */
export async function wake(session: Session, task: Task): Promise<FreezingChoice | null> {
  const { options } = session;
  if (task.index === 0 || !options.freezing) {
    session.begin("wake", Math.ceil(task.train.length / options.batchSize));
    await epoch(session, task, true);
    return null;
  }
  return await searchFreezing(
    session,
    (first) => {
      session.begin("freezing", Math.ceil(task.train.length / options.batchSize));
      return epoch(session, task, first);
    },
    () => judge(session, task),
  );
}

async function epoch(session: Session, task: Task, remembers: boolean): Promise<void> {
  const { learner, shortTerm, options, random } = session;
  const phase = task.index === 0 || !options.freezing ? "wake" : "freezing";
  for (const batch of batchesOf(shuffled(task.train, random.order), options.batchSize)) {
    const slots = remembers
      ? shortTerm.offer(batch.map(({ label }) => label), random.reservoir)
      : null;
    const samples = slots ? batch.map((sample, i) => ({ ...sample, slot: slots[i] })) : batch;
    await learner.step(phase, [aceSegment(session, task, samples)], shortTerm.tensor);
  }
}

/** A stream segment under the ACE loss: open are the classes in it and the heads still free. */
export function aceSegment(session: Session, task: Task, samples: readonly Sample[]): Segment {
  const { all, free } = session.heads;
  const present = new Set(samples.map(({ label }) => label));
  return { samples, open: aceOpenHeads({ present, free, all, task: task.index }) };
}

async function judge({ learner, longTerm, options }: Session, task: Task) {
  const remembered = longTerm.judges().map(({ slot, label }) => ({
    from: longTerm,
    index: slot,
    label,
  }));
  const meanLoss = async (samples: readonly Sample[]) => {
    const batches = batchesOf(samples, options.batchSize);
    const losses = await learner.losses(batches, "inference");
    const sum = losses.reduce((total, loss, i) => total + loss * batches[i].length, 0);
    return samples.length === 0 ? [] : [sum / samples.length];
  };
  return { validation: await meanLoss(task.validation), buffer: await meanLoss(remembered) };
}
