/**
 * Batch norm element by element in double precision, straight from the definition, in the kernels' layout: for
 * activations that are too large to be computed whole. Activations `[pixels, C]`, channels padded to a multiple of 4;
 * each segment of pixels is normalised by statistics of its own.
 */

import { BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM } from "./batch_norm.ts";
import { padded } from "./layout.ts";

type Numbers = ArrayLike<number>;

/** Mean, and variance (biased) of some pixels of a channel. */
interface Moments {
  readonly mean: number;
  readonly variance: number;
}

/** What batch norm makes of an activation `z`. */
export class BatchNormSamples {
  /** Elements from a pixel to the next. */
  readonly step: number;
  /** First and last pixel (not included) of each segment. */
  readonly segments: readonly { readonly start: number; readonly end: number }[];
  readonly #z: Numbers;
  /** `[2, C]`: gamma, beta. */
  readonly #affine: Numbers;
  readonly #rounds: boolean;
  /** Moments and rows of the segments that were asked for, by segment and channel. */
  readonly #known: { readonly moments: Moments; readonly rows: readonly number[] }[][];

  /** @param rounds whether statistics are those that are stored, in f32: what a backward pass is given. */
  constructor(
    z: Numbers,
    affine: Numbers,
    channels: number,
    segments: readonly number[],
    { rounds = false } = {},
  ) {
    this.#rounds = rounds;
    this.step = padded(channels);
    let end = 0;
    this.segments = segments.map((pixels) => ({ start: end, end: end += pixels }));
    this.#known = segments.map(() => []);
    this.#z = z;
    this.#affine = affine;
  }

  /** Of pixels from `start` to `end` of a channel. */
  momentsOf(channel: number, start: number, end: number): Moments {
    let sum = 0;
    for (let p = start; p < end; p++) sum += this.#z[p * this.step + channel];
    const mean = sum / (end - start);
    let squares = 0;
    for (let p = start; p < end; p++) squares += (this.#z[p * this.step + channel] - mean) ** 2;
    return { mean, variance: squares / (end - start) };
  }

  /** What a segment of a channel is normalised by in training. */
  ofSegment(segment: number, channel: number): Moments {
    return this.#of(segment, channel).moments;
  }

  /** Mean, 1 / deviation, gamma / deviation and beta of a segment: what is kept of it for the backward pass. */
  segmentRows(segment: number, channel: number): readonly number[] {
    return this.#of(segment, channel).rows;
  }

  segmentOf(pixel: number): number {
    return this.segments.findIndex(({ end }) => pixel < end);
  }

  /** The same of given moments. */
  rowsOf(channel: number, { mean, variance }: Moments): number[] {
    const inverse = 1 / Math.sqrt(variance + BATCH_NORM_EPSILON);
    return [
      mean,
      inverse,
      inverse * this.#affine[channel],
      this.#affine[this.step + channel],
    ];
  }

  /** Element `at`, normalised by the moments of its segment in training, or by given ones. */
  normalised(at: number, moments?: Moments): number {
    const channel = at % this.step;
    const segment = this.segmentOf(Math.floor(at / this.step));
    const [mean, , scale, beta] = moments
      ? this.rowsOf(channel, moments)
      : this.segmentRows(segment, channel);
    return (this.#z[at] - mean) * scale + beta;
  }

  /** Running moments behind all segments, one after the other: momentum 0.1, unbiased variance. */
  running(channel: number, { mean, variance }: Moments): Moments {
    this.segments.forEach(({ start, end }, segment) => {
      const own = this.ofSegment(segment, channel);
      const unbiased = own.variance * (end - start) / (end - start - 1);
      mean += BATCH_NORM_MOMENTUM * (own.mean - mean);
      variance += BATCH_NORM_MOMENTUM * (unbiased - variance);
    });
    return { mean, variance };
  }

  /** Sums over some pixels of a channel of one segment: of the gradient, and of the gradient times the normalised z. */
  gradientSums(
    gradient: (at: number) => number,
    channel: number,
    segment: number,
    { start, end } = this.segments[segment],
  ): { readonly beta: number; readonly gamma: number } {
    const [mean, inverse] = this.segmentRows(segment, channel);
    let [beta, gamma] = [0, 0];
    for (let p = start; p < end; p++) {
      const g = gradient(p * this.step + channel);
      if (g === 0) continue;
      beta += g;
      gamma += g * (this.#z[p * this.step + channel] - mean) * inverse;
    }
    return { beta, gamma };
  }

  /** How large the terms of {@linkcode BatchNormSamples.gradientSums} are together: they may cancel. */
  gradientTerms(
    gradient: (at: number) => number,
    channel: number,
    segment: number,
    { start, end } = this.segments[segment],
  ): { readonly beta: number; readonly gamma: number } {
    const [mean, inverse] = this.segmentRows(segment, channel);
    let [beta, gamma] = [0, 0];
    for (let p = start; p < end; p++) {
      const g = Math.abs(gradient(p * this.step + channel));
      beta += g;
      gamma += g * Math.abs(this.#z[p * this.step + channel] - mean) * inverse;
    }
    return { beta, gamma };
  }

  /** Element `at` of the gradient of z, given the sums of its channel and segment. */
  inputGradient(
    at: number,
    gradient: number,
    sums: { readonly beta: number; readonly gamma: number },
  ): number {
    const channel = at % this.step;
    const segment = this.segmentOf(Math.floor(at / this.step));
    const [mean, inverse, scale] = this.segmentRows(segment, channel);
    const { start, end } = this.segments[segment];
    const x = (this.#z[at] - mean) * inverse;
    return scale * (gradient - sums.beta / (end - start) - x * sums.gamma / (end - start));
  }

  /** How large the terms of {@linkcode BatchNormSamples.inputGradient} are together: of a few pixels they cancel. */
  inputGradientTerms(
    at: number,
    gradient: number,
    sums: { readonly beta: number; readonly gamma: number },
  ): number {
    const channel = at % this.step;
    const segment = this.segmentOf(Math.floor(at / this.step));
    const [mean, inverse, scale] = this.segmentRows(segment, channel);
    const { start, end } = this.segments[segment];
    const x = (this.#z[at] - mean) * inverse;
    const size = Math.abs(gradient) + Math.abs(sums.beta / (end - start)) +
      Math.abs(x * sums.gamma / (end - start));
    return Math.abs(scale) * size;
  }

  #of(segment: number, channel: number) {
    const { start, end } = this.segments[segment];
    return this.#known[segment][channel] ??= (() => {
      const moments = this.momentsOf(channel, start, end);
      const rows = this.rowsOf(channel, moments);
      return { moments, rows: this.#rounds ? rows.map(Math.fround) : rows };
    })();
  }
}
