/**
 * Between the layouts of the twins (`[N, C, H, W]`, `[O, I, K, K]`, doubles) and those of the kernels
 * (`[N, H, W, C']`, `[K, K, I', O']`, f32, channels padded with zeros to a multiple of 4). Written from
 * the definitions, without the program's own code.
 */

import type { Shape4 } from "./conv2d.ts";
import type { Random } from "../random.ts";

/** Channels with their padding. */
export function padded(channels: number): number {
  return (channels + 3) & ~3;
}

/** `count` values that an f32 holds exactly, normally distributed. */
export function normals(
  random: Random,
  count: number,
  { mean = 0, deviation = 1 } = {},
): Float64Array {
  return Float64Array.from(
    { length: count },
    () => Math.fround(mean + deviation * random.normal()),
  );
}

/** `[N, C, H, W]` to `[N, H, W, C']`. */
export function toNhwc(data: ArrayLike<number>, shape: Shape4): Float32Array<ArrayBuffer> {
  const result = new Float32Array(nhwcLength(shape));
  eachElement(shape, (from, to) => result[to] = data[from]);
  return result;
}

/** `[N, H, W, C']` to `[N, C, H, W]`; fails unless all padded channels are exactly zero. */
export function fromNhwc(data: ArrayLike<number>, shape: Shape4, padding = 0): Float64Array {
  const result = new Float64Array(shape.reduce((a, b) => a * b, 1));
  const real = new Uint8Array(data.length);
  eachElement(shape, (to, from) => {
    result[to] = data[from];
    real[from] = 1;
  });
  assertPadding(data, real, padding);
  return result;
}

/** Elements of `[N, H, W, C']`. */
export function nhwcLength([n, c, h, w]: Shape4): number {
  return n * h * w * padded(c);
}

/** `[O, I, K, K]` to `[K, K, I', O']`. */
export function toKernelLayout(data: ArrayLike<number>, shape: Shape4): Float32Array<ArrayBuffer> {
  const [o, i, k] = shape;
  const result = new Float32Array(k * k * padded(i) * padded(o));
  eachWeight(shape, (from, to) => result[to] = data[from]);
  return result;
}

/** `[K, K, I', O']` to `[O, I, K, K]`; fails unless all padding is exactly zero. */
export function fromKernelLayout(data: ArrayLike<number>, shape: Shape4): Float64Array {
  const result = new Float64Array(shape.reduce((a, b) => a * b, 1));
  const real = new Uint8Array(data.length);
  eachWeight(shape, (to, from) => {
    result[to] = data[from];
    real[from] = 1;
  });
  assertPadding(data, real, 0);
  return result;
}

/** Parts of a per-channel table, each padded: `[parts, C']`. */
export function toChannels(...parts: ArrayLike<number>[]): Float32Array<ArrayBuffer> {
  const step = padded(parts[0].length);
  const result = new Float32Array(parts.length * step);
  parts.forEach((part, at) => result.set(Float32Array.from(part), at * step));
  return result;
}

/** Part `at` of `[parts, C']`; fails unless its padding is exactly zero. */
export function channelsOf(table: ArrayLike<number>, at: number, channels: number): Float64Array {
  const start = at * padded(channels);
  for (let c = channels; c < padded(channels); c++) {
    if (table[start + c] === 0) continue;
    throw new RangeError(`padded channel ${c} of part ${at} is ${table[start + c]}, not 0`);
  }
  return Float64Array.from({ length: channels }, (_, c) => table[start + c]);
}

/** RGB bytes `[N, H, W, 3]` to one u32 per pixel, red lowest. */
export function toPixelWords(bytes: ArrayLike<number>): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(
    { length: bytes.length / 3 },
    (_, i) =>
      (bytes[3 * i] | (bytes[3 * i + 1] << 8) | (bytes[3 * i + 2] << 16) | 0xff000000) >>> 0,
  );
}

function assertPadding(data: ArrayLike<number>, real: Uint8Array, padding: number): void {
  const wrong = real.findIndex((isReal, i) => !isReal && data[i] !== padding);
  if (wrong >= 0) throw new RangeError(`padding at ${wrong} is ${data[wrong]}, not ${padding}`);
}

function eachElement([n, c, h, w]: Shape4, visit: (nchw: number, nhwc: number) => void): void {
  const channels = padded(c);
  for (let image = 0; image < n; image++) {
    for (let channel = 0; channel < c; channel++) {
      for (let at = 0; at < h * w; at++) {
        visit((image * c + channel) * h * w + at, (image * h * w + at) * channels + channel);
      }
    }
  }
}

function eachWeight([o, i, k]: Shape4, visit: (oikk: number, kkio: number) => void): void {
  const [inputs, outputs] = [padded(i), padded(o)];
  for (let output = 0; output < o; output++) {
    for (let input = 0; input < i; input++) {
      for (let tap = 0; tap < k * k; tap++) {
        visit((output * i + input) * k * k + tap, (tap * inputs + input) * outputs + output);
      }
    }
  }
}
