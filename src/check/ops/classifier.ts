import { range } from "../../gpu/tensor.ts";
import {
  linearKernels,
  recordLinearForward,
  recordLinearInputGradient,
  recordLinearWeightGradient,
} from "../../ops/linear.ts";
import { poolKernels, recordPoolBackward, recordPoolForward } from "../../ops/pool.ts";
import type { Shape4 } from "../../reference/conv2d.ts";
import {
  fromKernelLayout,
  fromNhwc,
  padded,
  toChannels,
  toKernelLayout,
  toNhwc,
} from "../../reference/layout.ts";
import { linearBackward, linearForward } from "../../reference/linear.ts";
import { globalAverageBackward, globalAverageForward } from "../../reference/pool.ts";
import { defineOp, known, type OpRecord } from "../define_op.ts";
import type { NetworkSize } from "../kernel_case.ts";
import { networkOf, usualHeads } from "../layers.ts";
import type { Operands } from "../operands.ts";

/** `[rows, channels, height, width]` before a pooling. */
export interface PoolingShape {
  readonly rows: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

function poolRecord(
  about: Pick<OpRecord<PoolingShape>, "name" | "summary" | "kernels" | "activations">,
): Omit<OpRecord<PoolingShape>, "prepare"> {
  return {
    ...about,
    small: () => [{ rows: 3, channels: 5, height: 4, width: 3 }],
    ofNetwork: ({ batch, ...size }) => {
      const { features: channels, blocks } = networkOf(size);
      const { outputHeight: height, outputWidth: width } = blocks.at(-1)!.second;
      return [{ layer: "pool", layers: 1, shape: { rows: batch, channels, height, width } }];
    },
    sizes: ({ rows, channels, height, width }) => {
      return { batch: rows, area: height * width, channels };
    },
    cost: ({ rows, channels, height, width }) => ({
      flops: rows * height * width * channels,
      bytes: 4 * rows * (height * width + 1) * channels,
    }),
  };
}

/** Both layouts of a pooled activation, and the sizes as its recorders take them. */
function pooling({ rows, channels, height, width }: PoolingShape) {
  const x: Shape4 = [rows, channels, height, width];
  const y: Shape4 = [rows, channels, 1, 1];
  return { x, y, sizes: { rows, area: height * width, channels4: padded(channels) / 4 } };
}

const pixelAndChannel = (channels: number) => (at: number) => ({
  pixel: Math.floor(at / padded(channels)),
  c: at % padded(channels),
});

const rowAndColumn = (column: string, columns: number) => (at: number) => ({
  n: Math.floor(at / padded(columns)),
  [column]: at % padded(columns),
});

/** The average over each image. */
export const poolForward = defineOp<PoolingShape>({
  ...poolRecord({
    name: "pool_forward",
    summary: "the average over each image",
    kernels: Object.values(poolKernels.forward),
    activations: true,
  }),
  prepare: (operands, shape, stored) => {
    const { channels } = shape;
    const { x, y, sizes } = pooling(shape);
    const length = sizes.rows * sizes.area * padded(channels);
    // Far from zero, as behind a ReLU: averages of noise around zero would be rounding.
    const values = operands.values("x", length, { channels, mean: 2, type: stored });
    const features = operands.output("features", sizes.rows * padded(channels));
    const expected = toNhwc(globalAverageForward(fromNhwc(values, x), x), y);
    return {
      dispatches: () => [
        recordPoolForward(sizes, operands.tensor("x", values, stored), features),
      ],
      outputs: [known(operands, "features", features, expected, rowAndColumn("c", channels))],
    };
  },
});

/** Each pixel's share of the gradient. */
export const poolBackward = defineOp<PoolingShape>({
  learns: true,
  ...poolRecord({
    name: "pool_backward",
    summary: "the gradient of the average over each image",
    kernels: [poolKernels.backward],
  }),
  prepare: (operands, shape) => {
    const { channels } = shape;
    const { x, y, sizes } = pooling(shape);
    const values = operands.values("gy", sizes.rows * padded(channels), { channels });
    const gx = operands.output("gx", sizes.rows * sizes.area * padded(channels));
    const expected = toNhwc(globalAverageBackward(fromNhwc(values, y), x), x);
    return {
      dispatches: () => [recordPoolBackward(sizes, operands.tensor("gy", values), gx)],
      outputs: [known(operands, "gx", gx, expected, pixelAndChannel(channels))],
    };
  },
});

/** `[rows, inputs]` to `[rows, outputs]`. */
interface ClassifierShape {
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
}

function linearRecord(
  about: Pick<OpRecord<ClassifierShape>, "name" | "summary" | "kernels">,
): Omit<OpRecord<ClassifierShape>, "prepare"> {
  return {
    ...about,
    small: () => [{ rows: 5, inputs: 9, outputs: 7 }],
    ofNetwork: ({ batch, ...size }: NetworkSize) => {
      const { features: inputs } = networkOf(size);
      const { heads: outputs = usualHeads } = size;
      return [{ layer: "linear", layers: 1, shape: { rows: batch, inputs, outputs } }];
    },
    sizes: ({ rows, inputs, outputs }) => ({ batch: rows, channels: inputs, heads: outputs }),
    cost: ({ rows, inputs, outputs }) => ({
      flops: 2 * rows * inputs * outputs,
      bytes: 4 * (rows * inputs + rows * padded(outputs) + inputs * padded(outputs)),
    }),
  };
}

/** Operands in the kernels' layout and in the twin's. */
function linear(operands: Operands, shape: ClassifierShape) {
  const { rows, inputs, outputs } = shape;
  const [xShape, yShape]: Shape4[] = [[rows, inputs, 1, 1], [rows, outputs, 1, 1]];
  const wShape: Shape4 = [outputs, inputs, 1, 1];
  const x = operands.values("x", rows * padded(inputs), { channels: inputs });
  const gy = operands.values("gy", rows * padded(outputs), { channels: outputs });
  const w = operands.values("w", padded(inputs) * padded(outputs), { channels: outputs })
    .map((value, i) => i < inputs * padded(outputs) ? value : 0);
  const b = operands.values("b", padded(outputs), { channels: outputs });
  return {
    ...{ x, gy, w, b, xShape, yShape, wShape },
    twin: {
      x: fromNhwc(x, xShape),
      gy: fromNhwc(gy, yShape),
      w: fromKernelLayout(w, wShape),
      b: Float64Array.from(b.subarray(0, outputs)),
    },
    sizes: { rows, channels4: padded(inputs) / 4, heads4: padded(outputs) / 4 },
  };
}

/** logits = features weight + bias. */
export const linearLogits = defineOp<ClassifierShape>({
  ...linearRecord({
    name: "linear_forward",
    summary: "the classifier's logits",
    kernels: [linearKernels.forward],
  }),
  // Where logits are adjusted before they are predicted from, a layer from heads to heads shifts them.
  forms: (shape) => [{ ...shape, inputs: shape.outputs }],
  prepare: (operands, shape) => {
    const { x, w, b, sizes, twin, yShape } = linear(operands, shape);
    const logits = operands.output("y", shape.rows * padded(shape.outputs));
    const dispatch = recordLinearForward(
      sizes,
      operands.tensor("x", x),
      range(operands.tensor("w", w)),
      range(operands.tensor("b", b)),
      logits,
    );
    const expected = toNhwc(linearForward(twin.x, twin.w, twin.b, shape), yShape);
    const where = rowAndColumn("head", shape.outputs);
    return {
      dispatches: () => [dispatch],
      outputs: [known(operands, "y", logits, expected, where)],
    };
  },
});

/** The gradient of the features. */
export const linearInputGradient = defineOp<ClassifierShape>({
  learns: true,
  ...linearRecord({
    name: "linear_input_gradient",
    summary: "the gradient of the classifier's input",
    kernels: [linearKernels.inputGradient],
  }),
  prepare: (operands, shape) => {
    const { gy, w, sizes, twin, xShape } = linear(operands, shape);
    const gx = operands.output("gx", shape.rows * padded(shape.inputs));
    const dispatch = recordLinearInputGradient(
      sizes,
      operands.tensor("gy", gy),
      range(operands.tensor("w", w)),
      gx,
    );
    const { gradInput } = linearBackward(twin.gy, twin.x, twin.w, shape);
    const where = rowAndColumn("c", shape.inputs);
    return {
      dispatches: () => [dispatch],
      outputs: [known(operands, "gx", gx, toNhwc(gradInput, xShape), where)],
    };
  },
});

/** The gradients of weight and bias. */
export const linearWeightGradient = defineOp<ClassifierShape>({
  learns: true,
  ...linearRecord({
    name: "linear_weight_gradient",
    summary: "the gradients of the classifier's weight and bias",
    kernels: [linearKernels.weightGradient],
  }),
  prepare: (operands, shape) => {
    const { x, gy, w, b, sizes, twin, wShape } = linear(operands, shape);
    const gw = operands.output("gw", w.length);
    const gb = operands.output("gb", b.length);
    const dispatch = recordLinearWeightGradient(
      sizes,
      operands.tensor("x", x),
      operands.tensor("gy", gy),
      range(gw),
      range(gb),
    );
    const { gradWeight, gradBias } = linearBackward(twin.gy, twin.x, twin.w, shape);
    const columns = padded(shape.outputs);
    return {
      dispatches: () => [dispatch],
      outputs: [
        known(
          operands,
          "gw",
          gw,
          toKernelLayout(gradWeight, wShape),
          (at) => ({ c: Math.floor(at / columns), head: at % columns }),
        ),
        known(operands, "gb", gb, toChannels(gradBias), (head) => ({ head })),
      ],
    };
  },
});
