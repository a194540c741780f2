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
  eachProduct(xShape, weightShape, options, (wAt, yAt, xAt, length, stride) => {
    const w = weight[wAt];
    for (let q = 0; q < length; q++) y[yAt + q] += w * x[xAt + q * stride];
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
  eachProduct(xShape, weightShape, options, (wAt, yAt, xAt, length, stride) => {
    const w = weight[wAt];
    for (let q = 0; q < length; q++) gradInput[xAt + q * stride] += w * gradOutput[yAt + q];
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
  eachProduct(xShape, weightShape, options, (wAt, yAt, xAt, length, stride) => {
    let sum = 0;
    for (let q = 0; q < length; q++) sum += gradOutput[yAt + q] * x[xAt + q * stride];
    gradWeight[wAt] += sum;
  });
  return gradWeight;
}

/**
 * Visits every product `w * x -> y` of the definition, one output row at a time: weight `wAt` meets
 * outputs `yAt + q` and inputs `xAt + q * stride` for `q < length`, all inside the image.
 */
function eachProduct(
  [n, channels, h, w]: Shape4,
  weightShape: Shape4,
  options: Conv2dOptions,
  row: (wAt: number, yAt: number, xAt: number, length: number, stride: number) => void,
): void {
  const { stride, padding } = options;
  const [outputs, weightChannels, a, b] = weightShape;
  if (weightChannels !== channels) {
    throw new TypeError(
      `Cannot run conv2d: weight expects ${weightChannels} input channels, activation has ${channels}`,
    );
  }
  const [, , p, q] = conv2dOutputShape([n, channels, h, w], weightShape, options);
  for (let image = 0; image < n; image++) {
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < channels; i++) {
        for (let ky = 0; ky < a; ky++) {
          for (let kx = 0; kx < b; kx++) {
            const wAt = ((o * channels + i) * a + ky) * b + kx;
            const first = Math.max(0, Math.ceil((padding - kx) / stride));
            const last = Math.min(q - 1, Math.floor((w - 1 + padding - kx) / stride));
            for (let py = 0; py < p; py++) {
              const y = py * stride - padding + ky;
              if (y < 0 || y >= h || last < first) continue;
              const xAt = ((image * channels + i) * h + y) * w + first * stride - padding + kx;
              const yAt = ((image * outputs + o) * p + py) * q + first;
              row(wAt, yAt, xAt, last - first + 1, stride);
            }
          }
        }
      }
    }
  }
}

function count(shape: Shape4): number {
  return shape[0] * shape[1] * shape[2] * shape[3];
}
