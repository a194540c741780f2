/** What the training steps of the methods share: a network, its optimiser state, and rows of data. */

import type { Activation, Resnet18, State } from "./resnet18.ts";
import { type SgdOptions, sgdStep } from "./sgd.ts";

/** A network in training. Steps change `net.state` and `velocity`. */
export interface Learner {
  net: Resnet18;
  sgd: Omit<SgdOptions, "frozen">;
  /** Momentum by parameter name; absent means zero. */
  velocity: State;
  /** Names of parameters that stay as they are. */
  frozen: ReadonlySet<string>;
}

/** Pictures as the network takes them (augmented, normalised) and their head numbers. */
export interface Rows {
  pictures: Activation;
  labels: number[];
}

/** What one training step did. */
export interface StepResult {
  loss: number;
  /** `[rows of the stream, heads]`, before the update */
  streamLogits: Float64Array;
  /** Of each replay draw, before the update */
  replayLogits: Float64Array[];
  /** Of the loss, by parameter name */
  gradients: State;
}

/** A learner without momentum, weight decay or frozen parameters, as in the official runs. */
export function plainLearner(net: Resnet18, learningRate: number): Learner {
  return { net, sgd: { learningRate }, velocity: new Map(), frozen: new Set() };
}

/** Applies one SGD update to every parameter that has a gradient and is not frozen. */
export function applySgd(learner: Learner, gradients: State): void {
  for (const [name, gradient] of gradients) {
    if (learner.frozen.has(name)) continue;
    const before = learner.velocity.get(name) ?? new Float64Array(gradient.length);
    const step = sgdStep(learner.net.state.get(name)!, gradient, before, learner.sgd);
    learner.net.state.set(name, step.value);
    learner.velocity.set(name, step.velocity);
  }
}

/** The rows of `a`, then those of `b`. */
export function concatenate(a: Activation, b: Activation): Activation {
  const data = new Float64Array(a.data.length + b.data.length);
  data.set(a.data);
  data.set(b.data, a.data.length);
  return { data, shape: [a.shape[0] + b.shape[0], a.shape[1], a.shape[2], a.shape[3]] };
}
