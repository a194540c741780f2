/**
 * Convolution in double precision, as `torch.nn.functional.conv2d` without bias:
 *
 *     y[n,o,p,q] = sum over i,a,b of x[n, i, p*stride - padding + a, q*stride - padding + b] * w[o,i,a,b]
 *
 * with zeros outside the image. Layouts: x `[N, I, H, W]`, w `[O, I, A, B]`, y `[N, O, P, Q]`,
 * `P = floor((H + 2 padding - A) / stride) + 1`.
 */

/** Sizes of a four-dimensional array, last dimension fastest. */
export type Shape4 = readonly [number, number, number, number];

/** The same stride and padding in both directions. */
export interface Conv2dOptions {
  stride: number;
  padding: number;
}

/** `[N, O, P, Q]`. */
export function conv2dOutputShape(
  [n, _i, h, w]: Shape4,
  [o, _j, a, b]: Shape4,
  { stride, padding }: Conv2dOptions,
): Shape4 {
  const size = (input: number, kernel: number) =>
    Math.floor((input + 2 * padding - kernel) / stride) + 1;
  return [n, o, size(h, a), size(w, b)];
}

/** The output y. */
export function conv2dForward(
  x: Float64Array,
  xShape: Shape4,
  weight: Float64Array,
  weightShape: Shape4,
  options: Conv2dOptions,
): Float64Array {
  const y = new Float64Array(count(conv2dOutputShape(xShape, weightShape, options)));
  eachWeight(xShape, weightShape, options, (wAt, { p, q, yAt, yStep, xAt, xStep, stride }) => {
    const w = weight[wAt];
    for (let row = 0; row < p; row++) {
      for (let at = 0; at < q; at++) {
        y[yAt + row * yStep + at] += w * x[xAt + row * xStep + at * stride];
      }
    }
  });
  return y;
}

/** d loss / d x, given d loss / d y. */
export function conv2dInputGradient(
  gradOutput: Float64Array,
  xShape: Shape4,
  weight: Float64Array,
  weightShape: Shape4,
  options: Conv2dOptions,
): Float64Array {
  const gradInput = new Float64Array(count(xShape));
  eachWeight(xShape, weightShape, options, (wAt, { p, q, yAt, yStep, xAt, xStep, stride }) => {
    const w = weight[wAt];
    for (let row = 0; row < p; row++) {
      for (let at = 0; at < q; at++) {
        gradInput[xAt + row * xStep + at * stride] += w * gradOutput[yAt + row * yStep + at];
      }
    }
  });
  return gradInput;
}

/** d loss / d w, given d loss / d y. */
export function conv2dWeightGradient(
  gradOutput: Float64Array,
  x: Float64Array,
  xShape: Shape4,
  weightShape: Shape4,
  options: Conv2dOptions,
): Float64Array {
  const gradWeight = new Float64Array(count(weightShape));
  eachWeight(xShape, weightShape, options, (wAt, { p, q, yAt, yStep, xAt, xStep, stride }) => {
    let sum = 0;
    for (let row = 0; row < p; row++) {
      for (let at = 0; at < q; at++) {
        sum += gradOutput[yAt + row * yStep + at] * x[xAt + row * xStep + at * stride];
      }
    }
    gradWeight[wAt] += sum;
  });
  return gradWeight;
}

/** The outputs of one image and channel that one weight reaches: p rows of q, and their inputs. */
interface Reach {
  p: number;
  q: number;
  /** First output and first input. */
  yAt: number;
  xAt: number;
  /** From one output row to the next: in y, and in x. */
  yStep: number;
  xStep: number;
  /** From one output of a row to the next: in x. */
  stride: number;
}

/** Visits every product `w * x -> y` of the definition: each weight with all it reaches. */
function eachWeight(
  [n, channels, h, w]: Shape4,
  weightShape: Shape4,
  options: Conv2dOptions,
  visit: (wAt: number, reach: Reach) => void,
): void {
  const { stride, padding } = options;
  const [outputs, weightChannels, a, b] = weightShape;
  if (weightChannels !== channels) {
    throw new TypeError(
      `Cannot run conv2d: weight expects ${weightChannels} input channels, activation has ${channels}`,
    );
  }
  const [, , p, q] = conv2dOutputShape([n, channels, h, w], weightShape, options);
  const vertical = Array.from({ length: a }, (_, k) => inside(h, p, k, options));
  const horizontal = Array.from({ length: b }, (_, k) => inside(w, q, k, options));
  for (let image = 0; image < n; image++) {
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < channels; i++) {
        for (let ky = 0; ky < a; ky++) {
          for (let kx = 0; kx < b; kx++) {
            const { first: top, length: rows } = vertical[ky];
            const { first: left, length: columns } = horizontal[kx];
            const y = top * stride - padding + ky;
            const x = left * stride - padding + kx;
            visit(((o * channels + i) * a + ky) * b + kx, {
              p: rows,
              q: columns,
              yAt: ((image * outputs + o) * p + top) * q + left,
              xAt: ((image * channels + i) * h + y) * w + x,
              yStep: q,
              xStep: stride * w,
              stride,
            });
          }
        }
      }
    }
  }
}

/** First output, and number of outputs, whose input under kernel position `k` is in the image. */
function inside(
  input: number,
  output: number,
  k: number,
  { stride, padding }: Conv2dOptions,
): { first: number; length: number } {
  const first = Math.max(0, Math.ceil((padding - k) / stride));
  const last = Math.min(output - 1, Math.floor((input - 1 + padding - k) / stride));
  return { first, length: Math.max(0, last - first + 1) };
}

function count(shape: Shape4): number {
  return shape[0] * shape[1] * shape[2] * shape[3];
}
