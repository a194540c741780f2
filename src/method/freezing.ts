import { bestCandidate, freezingScore } from "./freezing_score.ts";
import type { CandidateLosses } from "./freezing_score.ts";
import type { Session } from "./session.ts";

/** How many leading blocks were frozen for a task, and what each candidate's loss was. */
export interface FreezingChoice {
  readonly candidates: readonly { readonly frozen: number; readonly loss: number }[];
  readonly chosen: number;
}

/**
 * Dynamic freezing: learns the new task for one epoch with the first k blocks frozen, for each k from what is frozen
 * already up to `maxBlocks`, always from the same start and on the same batches, and keeps the network that judges best;
 * ties go to the one that freezes less. What is frozen stays frozen in later tasks.
 *
 * `epoch` trains the network for one epoch (`first` is true for the first candidate); `judge` returns the batch losses of
 * a candidate, and whatever it does to the network is kept with the winner.
 */
export async function searchFreezing(
  session: Session,
  epoch: (first: boolean) => Promise<void>,
  judge: () => Promise<CandidateLosses>,
): Promise<FreezingChoice> {
  const { learner: { network }, options, random } = session;
  const start = network.snapshot("freezing start");
  const best = network.snapshot("freezing best");
  try {
    network.save(start);
    const [order, augment] = [random.order.state(), random.augment.state()];
    const alreadyFrozen = network.frozenBlocks;
    const candidates: { frozen: number; loss: number }[] = [];
    for (
      let frozen = alreadyFrozen;
      frozen <= Math.max(alreadyFrozen, options.maxBlocks);
      frozen++
    ) {
      network.restore(start);
      network.freeze(frozen);
      random.order.restore(order);
      random.augment.restore(augment);
      await epoch(frozen === alreadyFrozen);
      const loss = freezingScore(await judge(), options.freezingMode, options.compat);
      candidates.push({ frozen, loss });
      if (bestCandidate(candidates.map((c) => c.loss)) === candidates.length - 1) {
        network.save(best);
      }
    }
    const chosen = candidates[bestCandidate(candidates.map((c) => c.loss))].frozen;
    network.restore(best);
    network.freeze(chosen);
    return { candidates, chosen };
  } finally {
    start.destroy();
    best.destroy();
  }
}
