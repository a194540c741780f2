/**
 * The official training step of ER-ACE (asymmetric cross-entropy), in double precision:
 *
 *     loss = CE(net(stream), labels; only open heads) + CE(net(replay), labels; all heads)
 *
 * Two forward passes, each normalised by its own rows. At task 0 nothing is closed, nothing replayed.
 */

import { crossEntropy } from "./cross_entropy.ts";
import { applySgd, type Learner, type Rows, type StepResult } from "./learner.ts";
import { resnet18Train, type State } from "./resnet18.ts";

/** What a step needs besides the stream. */
interface ErAceContext {
  /** Number of tasks ended so far. */
  task: number;
  /** Labels of all stream batches so far; those of this batch are added. */
  seen: Set<number>;
  /** Drawn from the buffer; required when `task > 0`. */
  replay?: Rows;
}

/**
 * Open heads of a stream batch: its own labels and, while the last head has not been seen, every head
 * from the largest seen one on. All heads at task 0. `seen` includes this batch.
 */
export function erAceOpenHeads(
  labels: readonly number[],
  seen: ReadonlySet<number>,
  heads: number,
  task: number,
): boolean[] {
  const largest = Math.max(...seen);
  return Array.from(
    { length: heads },
    (_, head) => task === 0 || labels.includes(head) || (largest < heads - 1 && head >= largest),
  );
}

/** One step; changes the learner and `context.seen`. */
export function erAceStep(learner: Learner, stream: Rows, context: ErAceContext): StepResult {
  const { net } = learner;
  for (const label of stream.labels) context.seen.add(label);
  const gradients: State = new Map();

  const pass = resnet18Train(net, stream.pictures);
  const open = erAceOpenHeads(stream.labels, context.seen, net.heads, context.task);
  const entropy = crossEntropy(pass.logits, stream.labels, net.heads, { open });
  pass.backward(entropy.gradLogits, gradients);
  let loss = entropy.loss;

  const replayLogits: Float64Array[] = [];
  if (context.task > 0) {
    const { replay } = context;
    if (replay === undefined) throw new TypeError("Cannot run ER-ACE step: task > 0 needs replay");
    const replayPass = resnet18Train(net, replay.pictures);
    const replayEntropy = crossEntropy(replayPass.logits, replay.labels, net.heads);
    replayPass.backward(replayEntropy.gradLogits, gradients);
    loss += replayEntropy.loss;
    replayLogits.push(replayPass.logits);
  }
  applySgd(learner, gradients);
  return { loss, streamLogits: pass.logits, replayLogits, gradients };
}
