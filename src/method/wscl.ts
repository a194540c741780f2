import type { FreezingChoice } from "./freezing.ts";
import type { Session, Task } from "./session.ts";
import { dawn, sleep, transferEpisodes } from "./sleep.ts";
import { wake } from "./wake.ts";

/**
 * Wake-Sleep Consolidated Learning, the paper's schedule for one task: wake (learn the stream fast, decide what to
 * freeze, remember episodes), sleep (NREM: consolidate; REM: dream), dawn (hand episodes over to the long-term memory).
 *
 * Episodes are handed over to the long-term memory at dawn, before sleep (`transfer: "dusk"`), or batch by batch within
 * NREM (`"nrem"`), where the paper's text has it. Handed over at dawn, a new class meets the old ones under plain
 * cross-entropy only in the next night: until then nothing keeps old logits below its own, and the newest task is
 * answered worst.
 */
export async function learnStaged(session: Session, task: Task): Promise<FreezingChoice | null> {
  const freezing = await wake(session, task);
  if (session.options.transfer === "dusk") await transferEpisodes(session);
  await sleep(session, task);
  await dawn(session, task);
  return freezing;
}
