/**
 * Fully connected layer in double precision, as `torch.nn.Linear`:
 * `y[n,o] = sum over i of x[n,i] * w[o,i] + b[o]`. Layouts: x `[N, I]`, w `[O, I]`, b `[O]`, y `[N, O]`.
 */

/** Rows N, input features I, output features O. */
export interface LinearShape {
  rows: number;
  inputs: number;
  outputs: number;
}

/** The output y. */
export function linearForward(
  x: Float64Array,
  weight: Float64Array,
  bias: Float64Array,
  { rows, inputs, outputs }: LinearShape,
): Float64Array {
  const y = new Float64Array(rows * outputs);
  for (let n = 0; n < rows; n++) {
    for (let o = 0; o < outputs; o++) {
      let sum = bias[o];
      for (let i = 0; i < inputs; i++) sum += x[n * inputs + i] * weight[o * inputs + i];
      y[n * outputs + o] = sum;
    }
  }
  return y;
}

/** d loss / d x, d loss / d w and d loss / d b, given d loss / d y. */
export function linearBackward(
  gradOutput: Float64Array,
  x: Float64Array,
  weight: Float64Array,
  { rows, inputs, outputs }: LinearShape,
): { gradInput: Float64Array; gradWeight: Float64Array; gradBias: Float64Array } {
  const gradInput = new Float64Array(rows * inputs);
  const gradWeight = new Float64Array(outputs * inputs);
  const gradBias = new Float64Array(outputs);
  for (let n = 0; n < rows; n++) {
    for (let o = 0; o < outputs; o++) {
      const g = gradOutput[n * outputs + o];
      gradBias[o] += g;
      for (let i = 0; i < inputs; i++) {
        gradInput[n * inputs + i] += g * weight[o * inputs + i];
        gradWeight[o * inputs + i] += g * x[n * inputs + i];
      }
    }
  }
  return { gradInput, gradWeight, gradBias };
}
