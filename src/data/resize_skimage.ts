import type { RgbImage } from "../images/rgb_image.ts";

/** Weights of every input sample for each place of the output, `[to, from]`, and which are not zero. */
interface Axis {
  readonly weights: Float64Array;
  /** First sample of each place whose weight is not zero. */
  readonly first: Int32Array;
  /** One behind the last. */
  readonly end: Int32Array;
}

/**
 * Resizes to `size` x `size` pixels as scikit-image's `transform.resize` does by default: smoothing by a
 * Gaussian where the image shrinks (deviation (from/to - 1) / 2, cut at 4 deviations), then linear
 * interpolation between pixel centres, both mirrored at the centres of the outer pixels. The aspect ratio
 * is not kept.
 *
 * Smoothing and interpolation are linear and work on each axis alone, so where the image shrinks each axis
 * is one matrix here: the same sums in another order. Where it grows, values half-way between two bytes
 * are common and their last bit decides, so there the sums are made in the original's order.
 *
 * @returns RGB from 0 to 1, `[size, size, 3]`.
 */
export function resizeSkimage(image: RgbImage, size: number): Float64Array {
  const { height, width, pixels } = image;
  if (height <= size && width <= size) return interpolate(image, size);
  const rows = axisFor(height, size);
  const columns = axisFor(width, size);
  const line = width * 3;
  const low = new Float64Array(size * line);
  for (let y = 0; y < size; y++) {
    for (let from = rows.first[y]; from < rows.end[y]; from++) {
      const weight = rows.weights[y * height + from] / 255;
      for (let x = 0; x < line; x++) low[y * line + x] += pixels[from * line + x] * weight;
    }
  }
  const result = new Float64Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const to = (y * size + x) * 3;
      for (let from = columns.first[x]; from < columns.end[x]; from++) {
        const weight = columns.weights[x * width + from];
        const at = y * line + from * 3;
        for (let c = 0; c < 3; c++) result[to + c] += low[at + c] * weight;
      }
    }
  }
  return result;
}

function interpolate({ height, width, pixels }: RgbImage, size: number): Float64Array {
  const rows = neighbours(height, size);
  const columns = neighbours(width, size);
  const result = new Float64Array(size * size * 3);
  for (let y = 0, to = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let c = 0; c < 3; c++, to++) {
        for (const [row, rowWeight] of rows[y]) {
          for (const [column, columnWeight] of columns[x]) {
            const value = pixels[(row * width + column) * 3 + c] * (1 / 255);
            result[to] += value * rowWeight * columnWeight;
          }
        }
      }
    }
  }
  return result;
}

/** For each place of the output the two input samples it lies between, with their weights. */
function neighbours(from: number, to: number): [index: number, weight: number][][] {
  return Array.from({ length: to }, (_, i) => {
    // Before the first centre it is the place, not the neighbours, that is mirrored.
    const place = Math.abs((from / to) * (i + 0.5) - 0.5);
    const low = Math.floor(place);
    const share = place - low;
    return [[mirrored(low, from), 1 - share], [mirrored(low + 1, from), share]];
  });
}

const known = new Map<string, Axis>();

function axisFor(from: number, to: number): Axis {
  const key = `${from} ${to}`;
  let axis = known.get(key);
  if (axis === undefined) {
    if (known.size >= 256) known.clear();
    known.set(key, axis = computeAxis(from, to));
  }
  return axis;
}

function computeAxis(from: number, to: number): Axis {
  const kernel = gaussian(Math.max(0, (from / to - 1) / 2));
  const radius = (kernel.length - 1) / 2;
  const between = neighbours(from, to);
  const weights = new Float64Array(from * to);
  const first = new Int32Array(to);
  const end = new Int32Array(to);
  for (let i = 0; i < to; i++) {
    for (const [center, share] of between[i]) {
      kernel.forEach((weight, k) => {
        weights[i * from + mirrored(center + k - radius, from)] += share * weight;
      });
    }
    const row = weights.subarray(i * from, (i + 1) * from);
    first[i] = row.findIndex((weight) => weight !== 0);
    end[i] = row.findLastIndex((weight) => weight !== 0) + 1;
  }
  return { weights, first, end };
}

/** Samples of a Gaussian that add up to 1; a single 1 where there is nothing to smooth. */
function gaussian(deviation: number): Float64Array {
  const radius = Math.trunc(4 * deviation + 0.5);
  const samples = Float64Array.from(
    { length: 2 * radius + 1 },
    (_, k) => deviation === 0 ? 1 : Math.exp(-0.5 * ((k - radius) / deviation) ** 2),
  );
  const sum = samples.reduce((a, b) => a + b, 0);
  return samples.map((sample) => sample / sum);
}

/** The sample that an index beyond the ends means: d c b | a b c d | c b a. */
function mirrored(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const place = ((index % period) + period) % period;
  return place < length ? place : period - place;
}
