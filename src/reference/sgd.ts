/**
 * Stochastic gradient descent in double precision, as `torch.optim.SGD` with dampening 0:
 *
 *     g = gradient + weightDecay * value
 *     velocity <- momentum * velocity + g         (starting from 0)
 *     step = g + momentum * velocity if nesterov, velocity otherwise
 *     value <- value - learningRate * step
 *
 * A frozen value is not touched, and neither is its velocity, whatever momentum and decay are.
 */
export interface SgdOptions {
  learningRate: number;
  /** Default 0. */
  momentum?: number;
  /** Default 0. */
  weightDecay?: number;
  /** Default false. */
  nesterov?: boolean;
  /** Truthy where the value stays as it is; default none. */
  frozen?: ArrayLike<number | boolean>;
}

/** One update; returns the new value and velocity, leaving the arguments unchanged. */
export function sgdStep(
  value: Float64Array,
  gradient: Float64Array,
  velocity: Float64Array,
  { learningRate, momentum = 0, weightDecay = 0, nesterov = false, frozen }: SgdOptions,
): { value: Float64Array; velocity: Float64Array } {
  const newValue = value.slice();
  const newVelocity = velocity.slice();
  for (let i = 0; i < value.length; i++) {
    if (frozen?.[i]) continue;
    const g = gradient[i] + weightDecay * value[i];
    newVelocity[i] = momentum * velocity[i] + g;
    newValue[i] = value[i] -
      learningRate * (nesterov ? g + momentum * newVelocity[i] : newVelocity[i]);
  }
  return { value: newValue, velocity: newVelocity };
}
