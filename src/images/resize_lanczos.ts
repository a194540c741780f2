import type { RgbImage } from "./rgb_image.ts";

/** Lobes of the windowed sinc at each side. */
const LOBES = 3;

/** Weights are integers, scaled by 2^22: a byte times a weight leaves room for the sum in 32 bits. */
const PRECISION_BITS = 22;

/** For each place of the output: the first input sample that counts, and the weights from it on. */
interface Taps {
  readonly first: Int32Array;
  /** `[size, most]`, zeros behind the last weight of a place. */
  readonly weights: Int32Array;
  readonly counts: Int32Array;
  readonly most: number;
}

/**
 * Resizes to `size` x `size` pixels with the Lanczos filter, byte for byte as Pillow's
 * `resize((size, size), LANCZOS)` does: rows first, then columns, each with weights in fixed point and
 * each rounded and clipped to bytes. When shrinking, the filter is stretched by the scale, so that every
 * input pixel counts. The aspect ratio is not kept.
 *
 * @returns RGB bytes, `[size, size, 3]`.
 */
export function resizeLanczos(image: RgbImage, size: number): Uint8Array<ArrayBuffer> {
  return resample(image, size, image.width, image.height);
}

/**
 * The square in the centre, as long as the shorter side, resized in the same way: the aspect ratio is kept, and
 * what the longer side has more is cut off, the same at both ends, half pixels too. Byte for byte as Pillow's
 * `ImageOps.fit(image, (size, size), LANCZOS)`: pixels just outside of the square count where the filter reaches.
 *
 * @returns RGB bytes, `[size, size, 3]`.
 */
export function coverLanczos(image: RgbImage, size: number): Uint8Array<ArrayBuffer> {
  const side = Math.min(image.width, image.height);
  return resample(image, size, side, side);
}

/** Resizes what lies in the centre, `across` x `down` pixels. */
function resample(
  image: RgbImage,
  size: number,
  across: number,
  down: number,
): Uint8Array<ArrayBuffer> {
  const { height, width } = image;
  let { pixels } = image;
  // A side that fits already is not filtered: that would be the identity.
  const narrows = width !== size || across !== width;
  const lowers = height !== size || down !== height;
  const vertical = tapsFor(height, size, down);
  if (narrows) {
    // Of a tall image only those rows that the columns are filtered from.
    const top = lowers ? vertical.first[0] : 0;
    const end = lowers ? vertical.first[size - 1] + vertical.counts[size - 1] : height;
    const narrow = new Uint8Array(height * size * 3);
    const horizontal = tapsFor(width, size, across);
    for (let y = top; y < end; y++) {
      filterLine(pixels, y * width * 3, 3, narrow, y * size * 3, 3, horizontal);
    }
    pixels = narrow;
  }
  if (lowers) {
    const low = new Uint8Array(size * size * 3);
    for (let x = 0; x < size; x++) {
      filterLine(pixels, x * 3, size * 3, low, x * 3, size * 3, vertical);
    }
    pixels = low;
  }
  return pixels === image.pixels ? pixels.slice() : pixels;
}

/** Filters one row or column of RGB pixels; `step` bytes lie between neighbours. */
function filterLine(
  source: Uint8Array,
  sourceAt: number,
  sourceStep: number,
  target: Uint8Array,
  targetAt: number,
  targetStep: number,
  { first, weights, counts, most }: Taps,
): void {
  for (let i = 0; i < first.length; i++) {
    let [red, green, blue] = [HALF, HALF, HALF];
    let from = sourceAt + first[i] * sourceStep;
    for (let k = i * most; k < i * most + counts[i]; k++, from += sourceStep) {
      const weight = weights[k];
      red += source[from] * weight;
      green += source[from + 1] * weight;
      blue += source[from + 2] * weight;
    }
    const to = targetAt + i * targetStep;
    target[to] = toByte(red);
    target[to + 1] = toByte(green);
    target[to + 2] = toByte(blue);
  }
}

const HALF = 1 << (PRECISION_BITS - 1);

function toByte(sum: number): number {
  const value = sum >> PRECISION_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

const known = new Map<string, Taps>();

/** Sides repeat from image to image: their weights are computed once. */
function tapsFor(from: number, to: number, span: number): Taps {
  const key = `${from} ${to} ${span}`;
  let taps = known.get(key);
  if (taps === undefined) {
    // Photographs come in many sizes; the limit is only there so that the map cannot grow for ever.
    if (known.size >= 4096) known.clear();
    known.set(key, taps = computeTaps(from, to, span));
  }
  return taps;
}

/** From the `span` samples in the middle of `from` samples to `to` samples. */
function computeTaps(from: number, to: number, span: number): Taps {
  const scale = span / to;
  const edge = (from - span) / 2;
  const stretch = Math.max(1, scale);
  const reach = LOBES * stretch;
  const most = Math.ceil(reach) * 2 + 1;
  const first = new Int32Array(to);
  const counts = new Int32Array(to);
  const weights = new Int32Array(to * most);
  for (let i = 0; i < to; i++) {
    const center = edge + (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - reach + 0.5));
    const end = Math.min(from, Math.trunc(center + reach + 0.5));
    const real = Array.from(
      { length: end - start },
      (_, k) => lanczos((k + start - center + 0.5) / stretch),
    );
    const sum = real.reduce((a, b) => a + b, 0);
    first[i] = start;
    counts[i] = real.length;
    real.forEach((weight, k) => weights[i * most + k] = fixed(weight / sum));
  }
  return { first, counts, weights, most };
}

/** Rounded to the nearest, halves away from zero. */
function fixed(weight: number): number {
  const scaled = weight * 2 ** PRECISION_BITS;
  return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

function lanczos(x: number): number {
  return x >= -LOBES && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
