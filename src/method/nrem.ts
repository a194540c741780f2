import type { Sample } from "./batch.ts";
import { replaySegment, type Session, type Task } from "./session.ts";
import { aceSegment } from "./wake.ts";

/**
 * One NREM step: a batch of the short-term memory under the ACE loss and a batch of the long-term memory under plain
 * cross-entropy, one update of all plastic layers: consolidation. Replay is skipped while the long-term memory is empty.
 */
export async function nremStep(
  session: Session,
  task: Task,
  episodes: readonly Sample[],
): Promise<void> {
  const replay = replaySegment(session);
  await session.learner.step("nrem", [
    aceSegment(session, task, episodes),
    ...(replay ? [replay] : []),
  ]);
}
