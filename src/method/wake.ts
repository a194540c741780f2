import { aceOpenHeads } from "./ace.ts";
import { type Sample, samplesOf, type Segment } from "../learner/batch.ts";
import { type FreezingChoice, searchFreezingTogether } from "./freezing.ts";
import { batchesOf, replaySegment, type Session, shuffled, type Task } from "./session.ts";

/**
 * Wake: one epoch over the task's stream, the ACE loss on the stream alone, no dreams and, unless `wakeReplay` asks for
 * it, no replay: fast, narrow learning. Every image seen is offered to the short-term memory. From the second task on
 * this epoch is the search for how much to freeze (see {@linkcode searchFreezingTogether}), judged in inference mode
 * on validation images of the new task and on the long-term memory's share for judging.
 */
export async function wake(session: Session, task: Task): Promise<FreezingChoice | null> {
  const { learner, shortTerm, options } = session;
  const batches = wakeBatches(session, task);
  const searches = task.index > 0 && options.freezing;
  const candidates = Math.max(0, options.maxBlocks - learner.network.frozenBlocks) + 1;
  session.begin(searches ? "freezing" : "wake", batches.length * (searches ? candidates : 1));
  if (searches) {
    return await searchFreezingTogether(
      session,
      batches,
      shortTerm.tensor,
      () => judge(session, task),
    );
  }
  for (const segments of batches) await learner.step("wake", segments, shortTerm.tensor);
  return null;
}

/** The epoch's steps: shuffled batches of the stream, each image with the slot of short-term memory that it gets. */
function wakeBatches(session: Session, task: Task): Segment[][] {
  const { shortTerm, options, random } = session;
  return batchesOf(shuffled(task.train, random.order), options.batchSize).map((batch) => {
    const slots = shortTerm.offer(batch.map(({ label }) => label), random.reservoir);
    const samples = batch.map((sample, i) => ({ ...sample, slot: slots[i] }));
    const replay = options.wakeReplay ? replaySegment(session) : null;
    return [aceSegment(session, task, samples), ...(replay ? [replay] : [])];
  });
}

/** A stream segment under the ACE loss: open are the classes in it and the heads still free. */
export function aceSegment(session: Session, task: Task, samples: readonly Sample[]): Segment {
  const { all, free } = session.heads;
  const present = new Set(samples.map(({ label }) => label));
  return { samples, open: aceOpenHeads({ present, free, all, task: task.index }) };
}

async function judge({ learner, longTerm, options }: Session, task: Task) {
  const remembered = samplesOf(longTerm, longTerm.judges());
  const meanLoss = async (samples: readonly Sample[]) => {
    const batches = batchesOf(samples, options.batchSize);
    const losses = await learner.losses(batches, "inference");
    const sum = losses.reduce((total, loss, i) => total + loss * batches[i].length, 0);
    return samples.length === 0 ? [] : [sum / samples.length];
  };
  return { validation: await meanLoss(task.validation), buffer: await meanLoss(remembered) };
}
