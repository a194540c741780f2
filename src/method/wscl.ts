import type { FreezingChoice } from "./freezing.ts";
import type { Session, Task } from "./session.ts";
import { dawn, sleep } from "./sleep.ts";
import { wake } from "./wake.ts";

/**
 * Wake-Sleep Consolidated Learning, the paper's schedule for one task: wake (learn the stream fast, decide what to
 * freeze, remember episodes), sleep (NREM: consolidate; REM: dream), dawn (hand episodes over to the long-term memory).
 */
export async function learnStaged(session: Session, task: Task): Promise<FreezingChoice | null> {
  const freezing = await wake(session, task);
  await sleep(session, task);
  await dawn(session);
  return freezing;
}
