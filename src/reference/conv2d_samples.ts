/**
 * Single elements of convolutions in double precision, straight from the definition, in the kernels' layouts: for
 * results that are too large to be computed whole. Activations `[batch, height, width, C']` and weights `[kernel,
 * kernel, I', O']`, channels padded to a multiple of 4; padding `(kernel - 1) / 2`.
 */

/** Sizes of a convolution; the same names as in the program, which this shares no code with. */
interface SampledConvolution {
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly inputHeight: number;
  readonly inputWidth: number;
  readonly outputHeight: number;
  readonly outputWidth: number;
}

type Numbers = ArrayLike<number>;

const padded = (channels: number) => Math.ceil(channels / 4) * 4;

/** Image, row, column and channel of an element of an activation. */
export function activationPlace(
  at: number,
  height: number,
  width: number,
  channels: number,
): readonly [image: number, row: number, column: number, channel: number] {
  const pixel = Math.floor(at / padded(channels));
  const image = Math.floor(pixel / width / height);
  return [image, Math.floor(pixel / width) % height, pixel % width, at % padded(channels)];
}

/** ky, kx, input and output channel of an element of the weights. */
export function weightPlace(
  at: number,
  { inputChannels, outputChannels, kernel }: SampledConvolution,
): readonly [ky: number, kx: number, ci: number, co: number] {
  const [ci4, co4] = [padded(inputChannels), padded(outputChannels)];
  const tap = Math.floor(at / co4 / ci4);
  return [Math.floor(tap / kernel), tap % kernel, Math.floor(at / co4) % ci4, at % co4];
}

/** Element `at` of y = conv(x, w). */
export function forwardSample(
  shape: SampledConvolution,
  x: Numbers,
  weights: Numbers,
  at: number,
): number {
  const { kernel, stride, inputHeight, inputWidth, inputChannels, outputChannels } = shape;
  const [ci4, co4, padding] = [padded(inputChannels), padded(outputChannels), (kernel - 1) / 2];
  const { outputHeight, outputWidth } = shape;
  const [n, oy, ox, co] = activationPlace(at, outputHeight, outputWidth, outputChannels);
  let sum = 0;
  for (let ky = 0; ky < kernel; ky++) {
    for (let kx = 0; kx < kernel; kx++) {
      const [iy, ix] = [oy * stride + ky - padding, ox * stride + kx - padding];
      if (iy < 0 || iy >= inputHeight || ix < 0 || ix >= inputWidth) continue;
      const first = ((n * inputHeight + iy) * inputWidth + ix) * ci4;
      for (let ci = 0; ci < inputChannels; ci++) {
        sum += x[first + ci] * weights[((ky * kernel + kx) * ci4 + ci) * co4 + co];
      }
    }
  }
  return sum;
}

/** Element `at` of the gradient of x, given that of y. */
export function inputGradientSample(
  shape: SampledConvolution,
  gy: Numbers,
  weights: Numbers,
  at: number,
): number {
  const { kernel, stride, outputHeight, outputWidth, inputChannels, outputChannels } = shape;
  const [ci4, co4, padding] = [padded(inputChannels), padded(outputChannels), (kernel - 1) / 2];
  const { inputHeight, inputWidth } = shape;
  const [n, iy, ix, ci] = activationPlace(at, inputHeight, inputWidth, inputChannels);
  let sum = 0;
  for (let ky = 0; ky < kernel; ky++) {
    for (let kx = 0; kx < kernel; kx++) {
      const [oy, ox] = [(iy + padding - ky) / stride, (ix + padding - kx) / stride];
      const inside = Number.isInteger(oy) && Number.isInteger(ox) && oy >= 0 && ox >= 0 &&
        oy < outputHeight && ox < outputWidth;
      if (!inside) continue;
      const first = ((n * outputHeight + oy) * outputWidth + ox) * co4;
      for (let co = 0; co < outputChannels; co++) {
        sum += gy[first + co] * weights[((ky * kernel + kx) * ci4 + ci) * co4 + co];
      }
    }
  }
  return sum;
}

/** Element `at` of the gradient of the weights over a batch. */
export function weightGradientSample(
  shape: SampledConvolution & { readonly batch: number },
  x: Numbers,
  gy: Numbers,
  at: number,
): number {
  const { batch, kernel, stride, inputHeight, inputWidth, outputHeight, outputWidth } = shape;
  const [ci4, co4] = [padded(shape.inputChannels), padded(shape.outputChannels)];
  const padding = (kernel - 1) / 2;
  const [ky, kx, ci, co] = weightPlace(at, shape);
  let sum = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < outputHeight; oy++) {
      const iy = oy * stride + ky - padding;
      if (iy < 0 || iy >= inputHeight) continue;
      for (let ox = 0; ox < outputWidth; ox++) {
        const ix = ox * stride + kx - padding;
        if (ix < 0 || ix >= inputWidth) continue;
        sum += x[((n * inputHeight + iy) * inputWidth + ix) * ci4 + ci] *
          gy[((n * outputHeight + oy) * outputWidth + ox) * co4 + co];
      }
    }
  }
  return sum;
}
