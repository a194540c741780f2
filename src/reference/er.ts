/**
 * The official training step of ER (experience replay), in double precision:
 *
 *     loss = CE(net(stream and replay in one batch), labels)
 *
 * One forward pass: batch statistics and the mean are taken over all rows. All heads are open.
 */

import { crossEntropy } from "./cross_entropy.ts";
import { applySgd, concatenate, type Learner, type Rows, type StepResult } from "./learner.ts";
import { resnet18Train, type State } from "./resnet18.ts";

/** One step; changes the learner. `replay` is absent while the buffer is empty. */
export function erStep(learner: Learner, stream: Rows, replay?: Rows): StepResult {
  const { net } = learner;
  const labels = [...stream.labels, ...(replay?.labels ?? [])];
  const pictures = replay ? concatenate(stream.pictures, replay.pictures) : stream.pictures;
  const gradients: State = new Map();
  const pass = resnet18Train(net, pictures);
  const { loss, gradLogits } = crossEntropy(pass.logits, labels, net.heads);
  pass.backward(gradLogits, gradients);
  applySgd(learner, gradients);
  const split = stream.labels.length * net.heads;
  return {
    loss,
    streamLogits: pass.logits.slice(0, split),
    replayLogits: replay ? [pass.logits.slice(split)] : [],
    gradients,
  };
}
