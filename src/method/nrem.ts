import type { Sample } from "../learner/batch.ts";
import { replaySegment, type Session, type Task } from "./session.ts";
import { aceSegment } from "./wake.ts";

/**
 * One NREM step: a batch of the short-term memory under the ACE loss and a batch of the long-term memory under plain
 * cross-entropy, one update of all plastic layers: consolidation. Replay is skipped in the first night, when there is
 * nothing older to keep. With `transfer: "nrem"` the batch is offered to the long-term memory after its update.
 */
export async function nremStep(
  session: Session,
  task: Task,
  episodes: readonly Sample[],
): Promise<void> {
  const { learner, longTerm, options, random } = session;
  // Drawn before the batch is offered: what is replayed is the memory as it was.
  const replay = task.index > 0 ? replaySegment(session) : null;
  const transfers = options.transfer === "nrem";
  const slots = transfers
    ? longTerm.offer(episodes.map(({ label }) => label), random.reservoir)
    : null;
  const samples = slots ? episodes.map((sample, i) => ({ ...sample, slot: slots[i] })) : episodes;
  const segments = [aceSegment(session, task, samples), ...(replay ? [replay] : [])];
  await learner.step("nrem", segments, transfers ? longTerm.tensor : null);
}
