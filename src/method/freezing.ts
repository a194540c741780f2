import { bestCandidate, freezingScore } from "./freezing_score.ts";
import type { CandidateLosses } from "./freezing_score.ts";
import type { Segment } from "../learner/batch.ts";
import type { Session } from "./session.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** How many leading blocks were frozen for a task, and what each candidate's loss was. */
export interface FreezingChoice {
  /** By the number of frozen blocks; the loss is that of the judges. */
  readonly candidates: readonly { readonly frozen: number; readonly loss: number }[];
  /** Blocks. */
  readonly chosen: number;
}

/**
 * Dynamic freezing: learns the new task for one epoch with the first k blocks frozen, for each k from what is frozen
 * already up to `maxBlocks`, always from the same start and on the same batches, and keeps the network that judges
 * best; ties go to the one that freezes less, and `freezingMargin` asks for more than a tie. What is frozen stays
 * frozen in later tasks.
 *
 * `epoch` trains the network for one epoch (`first` is true for the first candidate); `judge` returns the batch
 * losses of a candidate, and whatever it does to the network is kept with the winner.
 */
export async function searchFreezing(
  session: Session,
  epoch: (first: boolean) => Promise<void>,
  judge: () => Promise<CandidateLosses>,
): Promise<FreezingChoice> {
  const { learner: { network, prior: { rows } }, options, random } = session;
  const start = network.snapshot("freezing start");
  const best = network.snapshot("freezing best");
  try {
    network.save(start);
    const [order, augment] = [random.order.state(), random.augment.state()];
    const alreadyFrozen = network.frozenBlocks;
    const [rowsBefore, rowsOfBest] = [rows.slice(), rows.slice()];
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
      rows.set(rowsBefore);
      await epoch(frozen === alreadyFrozen);
      const loss = freezingScore(await judge(), options.freezingMode, options.compat);
      candidates.push({ frozen, loss });
      if (
        bestCandidate(candidates.map((c) => c.loss), options.freezingMargin) ===
          candidates.length - 1
      ) {
        network.save(best);
        rowsOfBest.set(rows);
      }
    }
    const chosen = candidates[
      bestCandidate(candidates.map((c) => c.loss), options.freezingMargin)
    ].frozen;
    network.restore(best);
    network.freeze(chosen);
    rows.set(rowsOfBest);
    return { candidates, chosen };
  } finally {
    start.destroy();
    best.destroy();
  }
}

/**
 * The same search where all candidates learn from the same batches and nothing else (no replay of their own): they go
 * through the epoch side by side, so that the forward pass of what they have frozen in common is computed once a batch.
 * The result is that of {@linkcode searchFreezing} to the last bit; the price is a copy of the parameters per
 * candidate.
 *
 * `batches` are the steps of the epoch; samples with a slot are written to `memory`. `judge` must not change the
 * network.
 */
export async function searchFreezingTogether(
  session: Session,
  batches: readonly (readonly Segment[])[],
  memory: Tensor,
  judge: () => Promise<CandidateLosses>,
): Promise<FreezingChoice> {
  const { learner, learner: { network }, options } = session;
  const least = network.frozenBlocks;
  const most = Math.max(least, options.maxBlocks);
  const contenders = Array.from({ length: most - least + 1 }, (_, i) => {
    return { frozen: most - i, state: network.snapshot(`candidate ${most - i}`) };
  });
  try {
    for (const { state } of contenders) network.save(state);
    for (const segments of batches) {
      await learner.stepCandidates("freezing", segments, contenders, memory);
    }
    const [deepest, ...others] = contenders;
    for (const { frozen, state } of others) network.copyRunning(deepest.state, state, frozen);
    const candidates: { frozen: number; loss: number }[] = [];
    for (const { frozen, state } of contenders.toReversed()) {
      network.restore(state);
      network.freeze(frozen);
      const loss = freezingScore(await judge(), options.freezingMode, options.compat);
      candidates.push({ frozen, loss });
    }
    const { frozen: chosen } = candidates[
      bestCandidate(candidates.map(({ loss }) => loss), options.freezingMargin)
    ];
    network.restore(contenders[most - chosen].state);
    network.freeze(chosen);
    return { candidates, chosen };
  } finally {
    for (const { state } of contenders) state.destroy();
  }
}
