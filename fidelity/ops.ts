import { checkCase } from "../src/check/check_case.ts";
import type { KernelCase } from "../src/check/kernel_case.ts";
import { Operands } from "../src/check/operands.ts";
import {
  batchNormApply,
  batchNormBackwardApply,
  batchNormBackwardReduce,
  batchNormStatistics,
} from "../src/check/ops/batch_norm.ts";
import {
  linearInputGradient,
  linearLogits,
  linearWeightGradient,
  poolBackward,
  poolForward,
} from "../src/check/ops/classifier.ts";
import {
  conv2dForward,
  conv2dInputGradient,
  conv2dWeightGradient,
  convolutionShape,
} from "../src/check/ops/convolution.ts";
import { maxPoolBackwardOp, maxPoolForwardOp } from "../src/check/ops/max_pool.ts";
import { crossEntropyOp, mseOp } from "../src/check/ops/heads.ts";
import { sgdMasked } from "../src/check/ops/update.ts";
import type { Gpu } from "../src/gpu/device.ts";
import type { BatchRow } from "../src/ops/batch_record.ts";
import type { Numbers } from "../src/reference/compare.ts";
import type { Shape4 } from "../src/reference/conv2d.ts";
import {
  channelsOf,
  fromKernelLayout,
  fromNhwc,
  toChannels,
  toKernelLayout,
  toNhwc,
} from "../src/reference/layout.ts";
import type { Comparison } from "./comparison.ts";
import type { Json, OfficialRecording } from "./official_recording.ts";

const LIMIT = 1e-4;
const plainRow: BatchRow = {
  ...{ source: 0, index: 0, top: 0, left: 0, flip: false },
  ...{ label: 0, mask: 0, weight: 0, slot: -1 },
};

/** Whether a recording holds single operations. */
export function isOps({ json, tensors }: OfficialRecording): boolean {
  return Boolean(json?.cases?.[0]?.op) && tensors.size > 0;
}

/** Every recorded operation that the program has kernels for: their cases, with recorded operands in place of noise. */
export async function checkOps(
  gpu: Gpu,
  recording: OfficialRecording,
  comparison: Comparison,
): Promise<void> {
  for (const recorded of recording.json.cases) {
    const check = checks[recorded.op];
    const found = await check?.(new RecordedOp(gpu, recording, comparison, recorded));
    if (!check || found === "absent") {
      const shape = recorded.op === "conv2d" ? ` ${recorded.kernel}x${recorded.kernel}` : "";
      comparison.note(`${recorded.op}${shape}: not a kernel of the program`);
    }
  }
}

type Given = Readonly<Record<string, Numbers>>;

/** One recorded operation: its numbers, and comparisons of results. */
class RecordedOp {
  readonly recorded: Json;
  readonly #gpu: Gpu;
  readonly #recording: OfficialRecording;
  readonly #comparison: Comparison;

  constructor(gpu: Gpu, recording: OfficialRecording, comparison: Comparison, recorded: Json) {
    this.#gpu = gpu;
    this.#recording = recording;
    this.#comparison = comparison;
    this.recorded = recorded;
  }

  numbers(name: string): Numbers {
    return this.#recording.numbers(`${this.recorded.name}/${name}`);
  }

  /** Vectors are `[rows, channels, 1, 1]`. */
  shape(name: string): Shape4 {
    const [n, c, h = 1, w = 1] = this.#recording.shape(`${this.recorded.name}/${name}`);
    return [n, c, h, w];
  }

  /** A recorded activation, channels last. */
  nhwc(name: string): Float32Array {
    return toNhwc(this.numbers(name), this.shape(name));
  }

  /** What the kernels of a case leave, by the names of its outputs, on given operands. */
  async run(kernelCase: KernelCase, given: Given): Promise<Readonly<Record<string, Numbers>>> {
    const operands = new Operands(this.#gpu, given);
    try {
      const { dispatches, outputs } = kernelCase.prepare(operands);
      const { op, tolerance } = kernelCase;
      const check = await checkCase(this.#gpu, dispatches(), outputs, tolerance);
      // What is not recorded, such as partial sums, is held to the twin.
      if (!check.ok) {
        const where = `${this.recorded.name}, ${op} by its twin`;
        this.#comparison.close(this.recorded.op, where, [check.error], [0], tolerance.error);
      }
      return Object.fromEntries(outputs.map((output, i) => [output.name, check.whole[i]]));
    } finally {
      operands.destroy();
    }
  }

  /** Errors relative to the largest recorded number, as rounding of long sums is. */
  compare(name: string, found: Numbers): void {
    const expected = this.numbers(name);
    const largest = Array.from(expected).reduce((a, b) => Math.max(a, Math.abs(b)), 1e-30);
    const relative = (values: Numbers) => Array.from(values, (value) => value / largest);
    const { op, name: where } = this.recorded;
    this.#comparison.close(op, `${where}/${name}`, relative(found), relative(expected), LIMIT);
  }
}

const checks: Record<string, (op: RecordedOp) => Promise<void | "absent">> = {
  conv2d: checkConv2d,
  batch_norm: checkBatchNorm,
  avg_pool2d: checkPool,
  max_pool2d: checkMaxPool,
  linear: checkLinear,
  cross_entropy: checkCrossEntropy,
  mse_loss: checkMse,
  sgd: checkSgd,
};

async function checkConv2d(op: RecordedOp): Promise<void | "absent"> {
  const { kernel, stride, pad } = op.recorded;
  const stem = kernel === 7 && stride === 2;
  if (!(kernel === 1 || kernel === 3 || stem) || pad !== (kernel - 1) / 2) return "absent";
  const [xShape, yShape, wShape] = ["x", "y", "w"].map((name) => op.shape(name));
  const [rows, inputChannels, inputHeight, inputWidth] = xShape;
  const shape = convolutionShape({
    ...{ rows, inputChannels, outputChannels: yShape[1], kernel, stride },
    ...{ inputHeight, inputWidth },
  });
  const weights = toKernelLayout(op.numbers("w"), wShape);
  const given = { x: op.nhwc("x"), gy: op.nhwc("gy"), weights };
  const { y } = await op.run(conv2dForward.at(shape), given);
  op.compare("y", fromNhwc(y, yShape));
  // Nothing asks for the gradient of the images.
  if (!stem) {
    const { gx } = await op.run(conv2dInputGradient.at(shape), given);
    op.compare("gx", fromNhwc(gx, xShape));
  }
  const { gw } = await op.run(conv2dWeightGradient.at(shape), given);
  op.compare("gw", fromKernelLayout(gw, wShape));
}

async function checkBatchNorm(op: RecordedOp): Promise<void> {
  const xShape = op.shape("x");
  const [rows, channels, height, width] = xShape;
  const shape = { channels, segments: [rows * height * width] };
  const moments = (when: string) => ({
    "running mean": toChannels(op.numbers(`running_mean_${when}`)),
    "running variance": toChannels(op.numbers(`running_var_${when}`)),
  });
  const given = {
    z: op.nhwc("x"),
    gy: op.nhwc("gy"),
    gamma: toChannels(op.numbers("weight")),
    beta: toChannels(op.numbers("bias")),
    ...moments("before"),
  };
  await op.run(batchNormStatistics.at(shape), given);
  const forward = await op.run(batchNormApply.at(shape), given);
  op.compare("y", fromNhwc(forward.y, xShape));
  const row = (table: Numbers, at: number) => channelsOf(table, at, channels);
  op.compare("running_mean_after", row(forward["running mean"], 0));
  op.compare("running_var_after", row(forward["running variance"], 1));
  await op.run(batchNormBackwardReduce.at(shape), given);
  const backward = await op.run(batchNormBackwardApply.at(shape), given);
  op.compare("gx", fromNhwc(backward.dz, xShape));
  op.compare("gweight", row(backward["gradient of gamma"], 0));
  op.compare("gbias", row(backward["gradient of beta"], 1));
  const after = { ...given, ...moments("after") };
  const inferred = await op.run(batchNormApply.at({ ...shape, inference: true }), after);
  op.compare("y_eval_after", fromNhwc(inferred.y, xShape));
}

async function checkPool(op: RecordedOp): Promise<void | "absent"> {
  const [xShape, yShape] = [op.shape("x"), op.shape("y")];
  if (yShape[2] !== 1 || yShape[3] !== 1) return "absent";
  const [rows, channels, height, width] = xShape;
  const shape = { rows, channels, height, width };
  const given = { x: op.nhwc("x"), gy: op.nhwc("gy") };
  const { features } = await op.run(poolForward.at(shape), given);
  const { gx } = await op.run(poolBackward.at(shape), given);
  op.compare("y", fromNhwc(features, yShape));
  op.compare("gx", fromNhwc(gx, xShape));
}

async function checkMaxPool(op: RecordedOp): Promise<void | "absent"> {
  const { kernel, stride, pad } = op.recorded;
  if (kernel !== 3 || stride !== 2 || pad !== 1) return "absent";
  const [xShape, yShape] = [op.shape("x"), op.shape("y")];
  const [rows, channels, height, width] = xShape;
  const shape = { rows, channels, height, width };
  const given = { x: op.nhwc("x"), gy: op.nhwc("gy") };
  const { y } = await op.run(maxPoolForwardOp.at(shape), given);
  const { gx } = await op.run(maxPoolBackwardOp.at(shape), given);
  op.compare("y", fromNhwc(y, yShape));
  op.compare("gx", fromNhwc(gx, xShape));
}

async function checkLinear(op: RecordedOp): Promise<void> {
  const [xShape, yShape] = [op.shape("x"), op.shape("y")];
  const [rows, inputs] = xShape;
  const outputs = yShape[1];
  const wShape: Shape4 = [outputs, inputs, 1, 1];
  const shape = { rows, inputs, outputs };
  const given = {
    ...{ x: op.nhwc("x"), gy: op.nhwc("gy") },
    ...{ w: toKernelLayout(op.numbers("w"), wShape), b: toChannels(op.numbers("b")) },
  };
  const { y } = await op.run(linearLogits.at(shape), given);
  const { gx } = await op.run(linearInputGradient.at(shape), given);
  const { gw, gb } = await op.run(linearWeightGradient.at(shape), given);
  op.compare("y", fromNhwc(y, yShape));
  op.compare("gx", fromNhwc(gx, xShape));
  op.compare("gw", fromKernelLayout(gw, wShape));
  op.compare("gb", channelsOf(gb, 0, outputs));
}

async function checkCrossEntropy(op: RecordedOp): Promise<void> {
  const shape = op.shape("logits");
  const [rows, heads] = shape;
  const closed = op.numbers("closed");
  const masks = [new Set([...Array(heads).keys()].filter((head) => closed[head] === 0))];
  const records = Array.from(
    op.numbers("labels"),
    (label) => ({ ...plainRow, label, weight: 1 / rows }),
  );
  const given = { logits: op.nhwc("logits") };
  const found = await op.run(crossEntropyOp.at({ rows, heads, records, masks }), given);
  op.compare("loss", [found.loss[1]]);
  op.compare("glogits", fromNhwc(found.gLogits, shape));
}

async function checkMse(op: RecordedOp): Promise<void> {
  const shape = op.shape("x");
  const [rows, heads] = shape;
  const weight = 1 / (rows * heads);
  const records = Array.from({ length: rows }, (_, slot) => ({
    ...plainRow,
    target: { slot, weight },
  }));
  const [logits, remembered] = [op.nhwc("x"), op.nhwc("target")];
  const nothing = { gLogits: logits.map(() => 0), rowLosses: new Float32Array(rows), loss: [0] };
  const given = { logits, remembered, ...nothing };
  const found = await op.run(mseOp.at({ rows, heads, records }), given);
  op.compare("loss", [found.loss[1]]);
  op.compare("gx", fromNhwc(found.gLogits, shape));
}

async function checkSgd(op: RecordedOp): Promise<void> {
  const { lr, momentum = 0, weight_decay: weightDecay = 0, nesterov = false } = op.recorded;
  const start = op.numbers("p0");
  const parameters = Math.ceil(start.length / 4) * 4;
  const wide = (values: Numbers) =>
    Float32Array.from({ length: parameters }, (_, i) => values[i] ?? 0);
  const shape = { parameters, learningRate: lr, momentum, weightDecay, nesterov, freezes: false };
  let state: Given = { values: wide(start), velocities: new Float32Array(parameters) };
  for (let step = 0; step < 4; step++) {
    const given = { ...state, gradients: wide(op.numbers(`g${step}`)) };
    state = await op.run(sgdMasked.at(shape), given);
    op.compare(`p${step + 1}`, Array.from(state.values).slice(0, start.length));
  }
}
