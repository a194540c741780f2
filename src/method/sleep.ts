import { type Sample, samplesOf } from "../learner/batch.ts";
import { calibrate } from "./calibration.ts";
import { nremStep } from "./nrem.ts";
import { Dreams } from "./dreams.ts";
import { remStep } from "./rem.ts";
import { batchesOf, plainSegment, type Session, shuffled, type Task } from "./session.ts";

/** What a night goes through, and how one NREM step is made of a batch of it. */
interface Episodes {
  readonly count: number;
  /** All of them in a fresh random order. */
  readonly pass: () => Sample[];
  readonly nrem: (batch: readonly Sample[]) => Promise<void>;
}

/**
 * Sleep: `sleepEpochs` passes over the short-term memory, an NREM step for each of its batches, with REM steps spread
 * evenly between them: `dreamsPerEpisode` of them for each NREM step, or every dream once a pass. Either can be switched
 * off (the paper's ablation), and without free heads there is no REM.
 */
export async function sleep(session: Session, task: Task): Promise<void> {
  const { shortTerm, random } = session;
  await night(session, task, {
    count: shortTerm.filled,
    pass: () => samplesOf(shortTerm, shortTerm.pass(random.sleep)),
    nrem: (batch) => nremStep(session, task, batch),
  });
}

/**
 * A night behind a day on which nothing was learned: the same passes over the long-term memory alone, under plain
 * cross-entropy, with the same dreams between them, and dawn.
 */
export async function rest(session: Session, task: Task): Promise<void> {
  const { learner, longTerm, random } = session;
  const remembered = samplesOf(longTerm, longTerm.replayed());
  await night(session, task, {
    count: remembered.length,
    pass: () => shuffled(remembered, random.sleep),
    nrem: (batch) => learner.step("nrem", [plainSegment(session, batch)]),
  });
  await dawn(session, task);
}

async function night(session: Session, task: Task, episodes: Episodes): Promise<void> {
  const { options } = session;
  const dreams = new Dreams(session);
  const batches = Math.ceil(episodes.count / options.batchSize);
  const perBatch = remStepsPerBatch(session, dreams.count, batches);
  const inAll = options.sleepEpochs * batches;
  const steps = (options.nrem ? inAll : 0) + remStepsUntil(inAll, perBatch);
  if (steps === 0) return;
  session.begin("sleep", steps);
  let batchesDone = 0;
  let dreamt = 0;
  for (let pass = 0; pass < options.sleepEpochs; pass++) {
    for (const batch of batchesOf(episodes.pass(), options.batchSize)) {
      batchesDone++;
      for (; dreamt < remStepsUntil(batchesDone, perBatch); dreamt++) {
        await remStep(session, task, dreams);
      }
      if (options.nrem) await episodes.nrem(batch);
    }
  }
}

/** REM steps for each batch of the episodes, mostly no whole number. */
function remStepsPerBatch({ options }: Session, dreams: number, batches: number): number {
  if (!options.rem || dreams === 0 || batches === 0) return 0;
  const { dreamsPerEpisode: ratio, batchSize } = options;
  return ratio === "all" ? Math.ceil(dreams / batchSize) / batches : ratio;
}

/**
 * REM steps that have been made after so many batches; a product that misses its whole number by rounding counts as
 * it.
 */
function remStepsUntil(batches: number, perBatch: number): number {
  return Math.floor(batches * perBatch + 1e-9);
}

/**
 * The short-term memory's episodes are offered to the long-term memory, one by one; they stay in the short-term
 * memory.
 */
export async function transferEpisodes(session: Session): Promise<void> {
  const { learner, shortTerm, longTerm, random } = session;
  const episodes = samplesOf(shortTerm, shortTerm.episodes());
  const slots = longTerm.offer(episodes.map(({ label }) => label), random.reservoir);
  const kept = episodes.flatMap((episode, i) =>
    slots[i] < 0 ? [] : [{ ...episode, slot: slots[i] }]
  );
  await learner.remember(kept, longTerm.tensor);
}

/**
 * Dawn: the long-term memory has what it takes from the day, the short-term memory is emptied, and what the night has
 * learned may be calibrated on the long-term memory.
 */
export async function dawn(session: Session, task: Task): Promise<void> {
  session.begin("dawn", 0);
  if (session.options.transfer === "dawn") await transferEpisodes(session);
  session.shortTerm.clear();
  await calibrate(session, task);
}
