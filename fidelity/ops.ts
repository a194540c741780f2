import type { Gpu } from "../src/gpu/device.ts";
import { type Dispatch, Program } from "../src/gpu/program.ts";
import { Arena, download, range, type Tensor, upload } from "../src/gpu/tensor.ts";
import {
  batchNormScratch,
  recordBatchNormApply,
  recordBatchNormBackwardApply,
  recordBatchNormBackwardReduce,
  recordBatchNormStatistics,
} from "../src/ops/batch_norm.ts";
import { BatchRecord } from "../src/ops/batch_record.ts";
import {
  conv2dPartials,
  recordConv2dForward,
  recordConv2dInputGradient,
  recordConv2dWeightGradient,
} from "../src/ops/conv2d.ts";
import { type Conv2dPass, type Conv2dShape, defaultVariant } from "../src/ops/conv2d_variants.ts";
import { recordCrossEntropy } from "../src/ops/cross_entropy.ts";
import {
  recordLinearForward,
  recordLinearInputGradient,
  recordLinearWeightGradient,
} from "../src/ops/linear.ts";
import { recordMse } from "../src/ops/mse.ts";
import { recordPoolBackward, recordPoolForward } from "../src/ops/pool.ts";
import { recordSgd } from "../src/ops/sgd.ts";
import type { Comparison } from "./comparison.ts";
import type { Json, OfficialRecording } from "./official_recording.ts";

const LIMIT = 1e-4;
const plainRow = { source: 0, index: 0, top: 0, left: 0, flip: false, slot: -1 };

type Numbers = ArrayLike<number>;
type Shape = readonly number[];

/** Whether a recording holds single operations. */
export function isOps({ json, tensors }: OfficialRecording): boolean {
  return Boolean(json?.cases?.[0]?.op) && tensors.size > 0;
}

/** Every recorded operation that the program has a kernel for, on its recorded inputs. */
export async function checkOps(
  gpu: Gpu,
  recording: OfficialRecording,
  comparison: Comparison,
): Promise<void> {
  for (const recorded of recording.json.cases) {
    const arena = new Arena(gpu, recorded.name);
    try {
      const bench = new OpBench(gpu, arena, recording, comparison, recorded);
      const check = checks[recorded.op];
      if (!check || await check(bench) === "absent") {
        const shape = recorded.op === "conv2d" ? ` ${recorded.kernel}x${recorded.kernel}` : "";
        comparison.note(`${recorded.op}${shape}: not a kernel of the program`);
      }
    } finally {
      arena.destroy();
    }
  }
}

/** One recorded case: its numbers, tensors on the GPU, and comparisons of results. */
class OpBench {
  readonly gpu: Gpu;
  readonly arena: Arena;
  readonly recorded: Json;
  readonly #recording: OfficialRecording;
  readonly #comparison: Comparison;

  constructor(
    gpu: Gpu,
    arena: Arena,
    recording: OfficialRecording,
    comparison: Comparison,
    recorded: Json,
  ) {
    this.gpu = gpu;
    this.arena = arena;
    this.#recording = recording;
    this.#comparison = comparison;
    this.recorded = recorded;
  }

  numbers(name: string): Numbers {
    return this.#recording.numbers(`${this.recorded.name}/${name}`);
  }

  shape(name: string): number[] {
    return this.#recording.shape(`${this.recorded.name}/${name}`);
  }

  f32(values: Numbers | number): Tensor {
    const data = typeof values === "number" ? new Float32Array(values) : Float32Array.from(values);
    const tensor = this.arena.tensor("f32", [Math.max(4, data.length)]);
    upload(this.gpu, tensor, data);
    return tensor;
  }

  u32(values: Numbers): Tensor {
    const tensor = this.arena.tensor("u32", [values.length], "u32");
    upload(this.gpu, tensor, Uint32Array.from(values));
    return tensor;
  }

  async run(dispatches: readonly Dispatch[]): Promise<void> {
    const program = await Program.build(this.gpu, this.recorded.name, dispatches);
    program.run();
    program.destroy();
  }

  async read(tensor: Tensor): Promise<Numbers> {
    return (await download(this.gpu, [tensor]))[0];
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

const checks: Record<string, (bench: OpBench) => Promise<void | "absent">> = {
  conv2d: checkConv2d,
  batch_norm: checkBatchNorm,
  avg_pool2d: checkPool,
  linear: checkLinear,
  cross_entropy: checkCrossEntropy,
  mse_loss: checkMse,
  sgd: checkSgd,
};

async function checkConv2d(bench: OpBench): Promise<void | "absent"> {
  const { kernel, stride, pad } = bench.recorded;
  if (!(kernel === 1 || kernel === 3) || pad !== (kernel - 1) / 2) return "absent";
  const [rows, inputChannels, inputHeight, inputWidth] = bench.shape("x");
  const [, outputChannels, outputHeight, outputWidth] = bench.shape("y");
  const layer: Conv2dShape = {
    ...{ inputChannels, outputChannels, kernel, stride },
    ...{ inputHeight, inputWidth, outputHeight, outputWidth },
  };
  const [xShape, yShape] = [bench.shape("x"), bench.shape("y")];
  const weightShape = bench.shape("w");
  const x = bench.f32(toNhwc(bench.numbers("x"), xShape));
  const gy = bench.f32(toNhwc(bench.numbers("gy"), yShape));
  const weight = bench.f32(toKernel(bench.numbers("w"), weightShape));
  const [y, gx] = [bench.f32(nhwcLength(yShape)), bench.f32(nhwcLength(xShape))];
  const gw = bench.f32(weight.length);
  const partials = bench.f32(conv2dPartials(layer, rows));
  const way = (pass: Conv2dPass) => {
    return { layer, rows, variant: defaultVariant(bench.gpu)(pass, layer) };
  };
  await bench.run([
    ...recordConv2dForward({ ...way("forward"), x, weight, y }),
    ...recordConv2dInputGradient({ ...way("input_gradient"), gy, weight, addend: null, gx }),
    ...recordConv2dWeightGradient({
      ...way("weight_gradient"),
      ...{ x, gy, partials, gradient: range(gw) },
    }),
  ]);
  bench.compare("y", fromNhwc(await bench.read(y), yShape));
  bench.compare("gx", fromNhwc(await bench.read(gx), xShape));
  bench.compare("gw", fromKernel(await bench.read(gw), weightShape));
}

async function checkBatchNorm(bench: OpBench): Promise<void> {
  const xShape = bench.shape("x");
  const [rows, channels, height, width] = xShape;
  const channels4 = Math.ceil(channels / 4);
  const shape = { channels4, segments: [rows * height * width] };
  const scratch = batchNormScratch(channels4);
  const length = nhwcLength(xShape);
  const z = bench.f32(toNhwc(bench.numbers("x"), xShape));
  const g = bench.f32(toNhwc(bench.numbers("gy"), xShape));
  const affine = range(bench.f32(channelTable(bench.numbers("weight"), bench.numbers("bias"))));
  const before = ["running_mean_before", "running_var_before"].map((name) => bench.numbers(name));
  const running = bench.f32(channelTable(before[0], before[1]));
  const [y, dz, yEval] = [bench.f32(length), bench.f32(length), bench.f32(length)];
  const statistics = bench.f32(scratch.statistics);
  const partials = bench.f32(scratch.partials);
  const gradients = bench.f32(8 * channels4);
  const common = { shape, z, label: bench.recorded.name };
  const state = { affine, running: range(running), statistics, residual: null, relu: false };
  const backward = { ...common, mask: null, gy: g, statistics, partials };
  await bench.run([
    recordBatchNormStatistics({ ...common, partials }),
    recordBatchNormApply({ ...common, ...state, partials, y }),
    recordBatchNormBackwardReduce(backward),
    recordBatchNormBackwardApply({ ...backward, gradients: range(gradients), dz }),
    recordBatchNormApply({ ...common, ...state, partials: null, y: yEval }),
  ]);
  bench.compare("y", fromNhwc(await bench.read(y), xShape));
  bench.compare("gx", fromNhwc(await bench.read(dz), xShape));
  const moved = await bench.read(running);
  bench.compare("running_mean_after", channelPart(moved, 0, channels));
  bench.compare("running_var_after", channelPart(moved, 1, channels));
  const learned = await bench.read(gradients);
  bench.compare("gweight", channelPart(learned, 0, channels));
  bench.compare("gbias", channelPart(learned, 1, channels));
  bench.compare("y_eval_after", fromNhwc(await bench.read(yEval), xShape));
}

async function checkPool(bench: OpBench): Promise<void | "absent"> {
  const xShape = bench.shape("x");
  const [rows, channels, height, width] = xShape;
  const yShape = bench.shape("y");
  if (yShape[2] !== 1 || yShape[3] !== 1) return "absent";
  const shape = { rows, area: height * width, channels4: Math.ceil(channels / 4) };
  const y = bench.f32(nhwcLength(yShape));
  const gx = bench.f32(nhwcLength(xShape));
  await bench.run([
    recordPoolForward(shape, bench.f32(toNhwc(bench.numbers("x"), xShape)), y),
    recordPoolBackward(shape, bench.f32(toNhwc(bench.numbers("gy"), yShape)), gx),
  ]);
  bench.compare("y", fromNhwc(await bench.read(y), yShape));
  bench.compare("gx", fromNhwc(await bench.read(gx), xShape));
}

async function checkLinear(bench: OpBench): Promise<void> {
  const [rows, inputs] = bench.shape("x");
  const outputs = bench.shape("y")[1];
  const shape = { rows, channels4: Math.ceil(inputs / 4), heads4: Math.ceil(outputs / 4) };
  const [xShape, yShape] = [[rows, inputs, 1, 1], [rows, outputs, 1, 1]];
  const weightShape = [outputs, inputs, 1, 1];
  const x = bench.f32(toNhwc(bench.numbers("x"), xShape));
  const gy = bench.f32(toNhwc(bench.numbers("gy"), yShape));
  const w = bench.f32(toKernel(bench.numbers("w"), weightShape));
  const b = bench.f32(channelTable(bench.numbers("b")));
  const [y, gx] = [bench.f32(nhwcLength(yShape)), bench.f32(nhwcLength(xShape))];
  const [gw, gb] = [bench.f32(w.length), bench.f32(b.length)];
  await bench.run([
    recordLinearForward(shape, x, range(w), range(b), y),
    recordLinearInputGradient(shape, gy, range(w), gx),
    recordLinearWeightGradient(shape, x, gy, range(gw), range(gb)),
  ]);
  bench.compare("y", fromNhwc(await bench.read(y), yShape));
  bench.compare("gx", fromNhwc(await bench.read(gx), xShape));
  bench.compare("gw", fromKernel(await bench.read(gw), weightShape));
  bench.compare("gb", channelPart(await bench.read(gb), 0, outputs));
}

async function checkCrossEntropy(bench: OpBench): Promise<void> {
  const [rows, heads] = bench.shape("logits");
  const shape = [rows, heads, 1, 1];
  const closed = bench.numbers("closed");
  const open = new Set([...Array(heads).keys()].filter((head) => closed[head] === 0));
  const batch = new BatchRecord(bench.arena, { maxRows: rows, maxMasks: 1, heads });
  const records = Array.from(
    bench.numbers("labels"),
    (label) => ({ ...plainRow, label, mask: 0, weight: 1 / rows }),
  );
  batch.write({ lossSlot: 0, learningRate: 0 }, records, [open]);
  const [gLogits, losses] = [bench.f32(nhwcLength(shape)), bench.f32(4)];
  const logits = bench.f32(toNhwc(bench.numbers("logits"), shape));
  const rowLosses = bench.f32(rows);
  await bench.run([
    recordCrossEntropy({ rows, heads, batch: batch.tensor, logits, gLogits, rowLosses, losses }),
  ]);
  bench.compare("loss", [(await bench.read(losses))[0]]);
  bench.compare("glogits", fromNhwc(await bench.read(gLogits), shape));
}

async function checkMse(bench: OpBench): Promise<void> {
  const [rows, heads] = bench.shape("x");
  const shape = [rows, heads, 1, 1];
  const batch = new BatchRecord(bench.arena, { maxRows: rows, maxMasks: 1, heads });
  const weight = 1 / (rows * heads);
  const records = Array.from(
    { length: rows },
    (_, slot) => ({ ...plainRow, label: 0, mask: 0, weight: 0, target: { slot, weight } }),
  );
  batch.write({ lossSlot: 0, learningRate: 0 }, records, []);
  const [gLogits, losses, rowLosses] = [
    bench.f32(nhwcLength(shape)),
    bench.f32(4),
    bench.f32(rows),
  ];
  const logits = bench.f32(toNhwc(bench.numbers("x"), shape));
  const targets = bench.f32(toNhwc(bench.numbers("target"), shape));
  await bench.run([recordMse({
    ...{ rows, heads, logits, targets, gLogits, rowLosses, losses },
    batch: batch.tensor,
  })]);
  bench.compare("loss", [(await bench.read(losses))[0]]);
  bench.compare("gx", fromNhwc(await bench.read(gLogits), shape));
}

async function checkSgd(bench: OpBench): Promise<void> {
  const { lr, momentum = 0, weight_decay: weightDecay = 0, nesterov = false } = bench.recorded;
  const start = bench.numbers("p0");
  const length = Math.ceil(start.length / 4) * 4;
  const wide = (values: Numbers) => Float32Array.from({ length }, (_, i) => values[i] ?? 0);
  const values = bench.f32(wide(start));
  const velocities = bench.f32(length);
  const mask = bench.u32(new Array(length / 4).fill(1));
  const batch = new BatchRecord(bench.arena, { maxRows: 1, maxMasks: 1, heads: 1 });
  batch.write({ lossSlot: 0, learningRate: lr }, [], []);
  for (let step = 0; step < 4; step++) {
    const gradients = bench.f32(wide(bench.numbers(`g${step}`)));
    await bench.run([recordSgd({
      ...{ momentum, weightDecay, nesterov, gradients, mask, values, velocities },
      batch: batch.tensor,
    })]);
    const found = Array.from(await bench.read(values)).slice(0, start.length);
    bench.compare(`p${step + 1}`, found);
  }
}

// Between PyTorch's layouts and the kernels': channels last and padded with zeros to a multiple of 4.

function padded(channels: number): number {
  return Math.ceil(channels / 4) * 4;
}

function nhwcLength([n, c, h, w]: Shape): number {
  return n * h * w * padded(c);
}

function nhwcAt([, c, h, w]: Shape, i: number): number {
  const area = h * w;
  const [image, channel] = [Math.floor(i / (c * area)), Math.floor(i / area) % c];
  return (image * area + i % area) * padded(c) + channel;
}

function toNhwc(data: Numbers, shape: Shape): Float32Array {
  const result = new Float32Array(nhwcLength(shape));
  for (let i = 0; i < data.length; i++) result[nhwcAt(shape, i)] = data[i];
  return result;
}

function fromNhwc(data: Numbers, shape: Shape): Float64Array {
  const length = shape.reduce((a, b) => a * b, 1);
  return Float64Array.from({ length }, (_, i) => data[nhwcAt(shape, i)]);
}

function kernelAt([o, i, k]: Shape, at: number): number {
  const taps = k * k;
  const [output, input] = [Math.floor(at / (i * taps)), Math.floor(at / taps) % i];
  return ((at % taps) * padded(i) + input) * padded(o) + output;
}

function toKernel(data: Numbers, shape: Shape): Float32Array {
  const [o, i, k] = shape;
  const result = new Float32Array(k * k * padded(i) * padded(o));
  for (let at = 0; at < data.length; at++) result[kernelAt(shape, at)] = data[at];
  return result;
}

function fromKernel(data: Numbers, shape: Shape): Float64Array {
  const length = shape.reduce((a, b) => a * b, 1);
  return Float64Array.from({ length }, (_, at) => data[kernelAt(shape, at)]);
}

function channelTable(...parts: Numbers[]): Float32Array {
  const step = padded(parts[0].length);
  const result = new Float32Array(parts.length * step);
  parts.forEach((part, at) => result.set(Float32Array.from(part), at * step));
  return result;
}

function channelPart(table: Numbers, part: number, channels: number): Float64Array {
  return Float64Array.from({ length: channels }, (_, c) => table[part * padded(channels) + c]);
}
