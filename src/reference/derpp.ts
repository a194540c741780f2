/**
 * The official training step of DER++ (dark experience replay), in double precision:
 *
 *     loss = CE(net(stream), labels) + alpha * MSE(net(first draw), its stored logits)
 *          + beta * CE(net(second draw), its labels)
 *
 * Three forward passes in this order, each normalised by its own rows. All heads are open.
 */

import { crossEntropy } from "./cross_entropy.ts";
import { applySgd, type Learner, type Rows, type StepResult } from "./learner.ts";
import { meanSquaredError } from "./mse.ts";
import { type Activation, resnet18Train, type State } from "./resnet18.ts";

/** The two independent draws from the buffer. */
interface DerppReplay {
  alpha: number;
  beta: number;
  /** First draw: pictures and the logits `[rows, heads]` stored with them. */
  distilled: { pictures: Activation; logits: ArrayLike<number> };
  /** Second draw. */
  labelled: Rows;
}

/**
 * One step; changes the learner. `replay` is absent while the buffer is empty. The result's
 * `streamLogits` are what is stored with the kept samples.
 */
export function derppStep(learner: Learner, stream: Rows, replay?: DerppReplay): StepResult {
  const { net } = learner;
  const gradients: State = new Map();
  const pass = resnet18Train(net, stream.pictures);
  const entropy = crossEntropy(pass.logits, stream.labels, net.heads);
  pass.backward(entropy.gradLogits, gradients);
  let loss = entropy.loss;

  const replayLogits: Float64Array[] = [];
  if (replay !== undefined) {
    const first = resnet18Train(net, replay.distilled.pictures);
    const distance = meanSquaredError(first.logits, replay.distilled.logits);
    first.backward(distance.gradInput.map((value) => replay.alpha * value), gradients);

    const second = resnet18Train(net, replay.labelled.pictures);
    const replayEntropy = crossEntropy(second.logits, replay.labelled.labels, net.heads);
    second.backward(replayEntropy.gradLogits.map((value) => replay.beta * value), gradients);
    loss += replay.alpha * distance.loss + replay.beta * replayEntropy.loss;
    replayLogits.push(first.logits, second.logits);
  }
  applySgd(learner, gradients);
  return { loss, streamLogits: pass.logits, replayLogits, gradients };
}
