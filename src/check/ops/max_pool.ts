import {
  maxPooled,
  maxPoolKernels,
  recordMaxPoolBackward,
  recordMaxPoolForward,
} from "../../ops/max_pool.ts";
import type { StoredType } from "../../ops/storage.ts";
import type { Shape4 } from "../../reference/conv2d.ts";
import { fromNhwc, padded, toNhwc } from "../../reference/layout.ts";
import { maxPoolBackward, maxPoolForward, maxPoolOutputShape } from "../../reference/max_pool.ts";
import { defineOp, known, type OpRecord } from "../define_op.ts";
import { networkOf } from "../layers.ts";
import type { Operands } from "../operands.ts";
import type { PoolingShape } from "./classifier.ts";

/** Odd and even sizes, a last window that lies half outside, and an image of one pixel. */
const small: readonly PoolingShape[] = [
  { rows: 2, channels: 5, height: 7, width: 6 },
  { rows: 1, channels: 9, height: 4, width: 5 },
  { rows: 3, channels: 3, height: 1, width: 1 },
];

function record(
  about: Pick<OpRecord<PoolingShape>, "name" | "summary" | "kernels" | "activations">,
): Omit<OpRecord<PoolingShape>, "prepare"> {
  return {
    ...about,
    small: () => small,
    imagenetOnly: () => true,
    ofNetwork: ({ batch, ...size }) => {
      const { stem, pooled } = networkOf(size);
      if (!pooled) return [];
      const { outputChannels: channels, outputHeight: height, outputWidth: width } = stem;
      return [{ layer: "maxpool", layers: 1, shape: { rows: batch, channels, height, width } }];
    },
    sizes: ({ rows, channels, height, width }) => ({ batch: rows, height, width, channels }),
    cost: ({ rows, channels, height, width }) => {
      const outputs = rows * channels * maxPooled(height) * maxPooled(width);
      // A comparison counts as an operation.
      return { flops: 9 * outputs, bytes: 4 * rows * channels * height * width + 5 * outputs };
    },
  };
}

/** Operands and results in the kernels' layouts; channels are padded, and padding is pooled like the rest. */
function pooling(operands: Operands, shape: PoolingShape, stored: StoredType) {
  const { rows, channels, height, width } = shape;
  const x: Shape4 = [rows, padded(channels), height, width];
  const y = maxPoolOutputShape(x);
  const count = (sizes: Shape4) => sizes.reduce((a, b) => a * b);
  // Few different numbers: most windows have ties.
  const values = operands.values("x", count(x), { channels, type: stored, step: 0.25 });
  const { y: maxima, places } = maxPoolForward(fromNhwc(values, x), x);
  const taps = new Float64Array(places.length);
  places.forEach((place, at) => {
    const [row, column] = [Math.floor(place / width) % height, place % width];
    const [oy, ox] = [Math.floor(at / y[3]) % y[2], at % y[3]];
    taps[at] = 3 * (row + 1 - 2 * oy) + column + 1 - 2 * ox;
  });
  const words = toNhwc(taps, y);
  return {
    sizes: { rows, inputHeight: height, inputWidth: width, channels4: padded(channels) / 4 },
    shapes: { x, y },
    ...{ values, maxima, places },
    taps: Uint32Array.from(
      { length: words.length / 4 },
      (_, i) => [0, 1, 2, 3].reduce((word, c) => word + words[4 * i + c] * 2 ** (8 * c), 0),
    ),
  };
}

/** Coordinates of an element of an activation `[n, channels, height, width]` with so many elements for a pixel. */
const where = ([, step, height, width]: Shape4) => (at: number) => {
  const pixel = Math.floor(at / step);
  return {
    n: Math.floor(pixel / width / height),
    y: Math.floor(pixel / width) % height,
    x: pixel % width,
    c: at % step,
  };
};

/** The maxima, and where they were found. */
export const maxPoolForwardOp = defineOp<PoolingShape>({
  ...record({
    name: "max_pool_forward",
    summary: "the maxima of 3x3 windows, and where they were",
    kernels: Object.values(maxPoolKernels.forward),
    activations: true,
  }),
  exact: true,
  prepare: (operands, shape, stored) => {
    const { sizes, shapes, values, maxima, taps } = pooling(operands, shape, stored);
    const expected = toNhwc(maxima, shapes.y);
    const x = operands.tensor("x", values, stored);
    const y = operands.output("y", expected.length, stored);
    const found = operands.output("taps", new Uint32Array(taps.length).fill(0xffffffff), "u32");
    const [n, channels, ...size] = shapes.y;
    return {
      dispatches: () => [recordMaxPoolForward(sizes, x, y, found)],
      outputs: [
        known(operands, "y", y, expected, where(shapes.y)),
        known(operands, "taps", found, taps, where([n, channels / 4, ...size])),
      ],
    };
  },
});

/** The gradient of each maximum, at its place. */
export const maxPoolBackwardOp = defineOp<PoolingShape>({
  learns: true,
  ...record({
    name: "max_pool_backward",
    summary: "the gradient of each maximum, at its place",
    kernels: [maxPoolKernels.backward],
  }),
  prepare: (operands, shape) => {
    const { sizes, shapes, places, taps } = pooling(operands, shape, "f32");
    const values = operands.values("gy", taps.length * 4, { channels: shape.channels });
    const expected = toNhwc(
      maxPoolBackward(fromNhwc(values, shapes.y), places, shapes.x),
      shapes.x,
    );
    const gy = operands.tensor("gy", values);
    const given = operands.tensor("taps", taps, "u32");
    const gx = operands.output("gx", expected.length);
    return {
      dispatches: () => [recordMaxPoolBackward(sizes, gy, given, gx)],
      outputs: [known(operands, "gx", gx, expected, where(shapes.x))],
    };
  },
});
