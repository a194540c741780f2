/** `y = max(x, 0)`, any layout, in double precision. */
export function reluForward(x: Float64Array): Float64Array {
  return x.map((value) => value > 0 ? value : 0);
}

/** d loss / d x: the gradient passes where `x > 0`; at `x = 0` it is zero, as in PyTorch. */
export function reluBackward(gradOutput: Float64Array, x: Float64Array): Float64Array {
  return gradOutput.map((gradient, i) => x[i] > 0 ? gradient : 0);
}
