import type { Sample } from "./batch.ts";
import { nremStep } from "./nrem.ts";
import { Dreams, remStep } from "./rem.ts";
import { batchesOf, type Session, type Task } from "./session.ts";

/**
 * Sleep: `sleepEpochs` passes over the short-term memory in which NREM and REM alternate, step by step. Either can be
 * switched off (the paper's ablation), and without free heads there is no REM.
 */
export async function sleep(session: Session, task: Task): Promise<void> {
  const { shortTerm, options, random } = session;
  const dreams = new Dreams(session);
  const dreaming = options.rem && !dreams.empty;
  const stepsPerPass = Math.ceil(shortTerm.filled / options.batchSize);
  const perStep = (options.nrem ? 1 : 0) + (dreaming ? 1 : 0);
  if (perStep === 0) return;
  session.begin("sleep", options.sleepEpochs * stepsPerPass * perStep);
  for (let pass = 0; pass < options.sleepEpochs; pass++) {
    const episodes = shortTerm.pass(random.sleep)
      .map(({ slot, label }): Sample => ({ from: shortTerm, index: slot, label }));
    for (const batch of batchesOf(episodes, options.batchSize)) {
      if (dreaming) await remStep(session, dreams);
      if (options.nrem) await nremStep(session, task, batch);
    }
  }
}

/** The short-term memory's episodes are offered to the long-term memory, one by one; they stay in the short-term memory. */
export async function transferEpisodes(session: Session): Promise<void> {
  const { learner, shortTerm, longTerm, random } = session;
  const episodes = shortTerm.episodes();
  const slots = longTerm.offer(episodes.map(({ label }) => label), random.reservoir);
  const kept = episodes.flatMap(({ slot, label }, i): Sample[] =>
    slots[i] < 0 ? [] : [{ from: shortTerm, index: slot, label, slot: slots[i] }]
  );
  await learner.remember(kept, longTerm.tensor);
}

/** Dawn: the long-term memory has what it takes from the day, and the short-term memory is emptied. */
export async function dawn(session: Session): Promise<void> {
  session.begin("dawn", 0);
  if (session.options.transfer === "dawn") await transferEpisodes(session);
  session.shortTerm.clear();
}
