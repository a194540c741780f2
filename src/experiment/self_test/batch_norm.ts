import {
  BATCH_NORM_EPSILON,
  batchNormBackward,
  batchNormEval,
  batchNormTrain,
} from "../../reference/batch_norm.ts";
import type { Shape4 } from "../../reference/conv2d.ts";
import { reluBackward, reluForward } from "../../reference/relu.ts";
import {
  channelsOf,
  fromNhwc,
  nhwcLength,
  normals,
  padded,
  toChannels,
  toNhwc,
} from "../../reference/layout.ts";
import type { Dispatch } from "../../gpu/dispatch.ts";
import { range, type Tensor } from "../../gpu/tensor.ts";
import {
  batchNormScratch,
  recordBatchNormApply,
  recordBatchNormBackwardApply,
  recordBatchNormBackwardReduce,
  recordBatchNormFinalize,
  recordBatchNormInference,
  recordBatchNormStatistics,
  type Residual,
} from "../../ops/batch_norm.ts";
import { Random } from "../../random.ts";
import { type CaseOutput, type CaseTensors, join, type KernelCase } from "./case.ts";

const channels = 5;
/** Pixels of each segment: the first takes two chunks, the second does not fill one. */
const segments = [2000, 77];
const shape = { channels4: padded(channels) / 4, segments };
const all: Shape4 = [2077, channels, 1, 1];
const label = "self-test";

/** The six kernels of batch norm, each on inputs computed by the reference, not by the kernel before it. */
export function batchNormCases(tensors: CaseTensors): KernelCase[] {
  const random = Random.stream(0, "self-test batch norm");
  const z = tensors.storable(normals(random, all[0] * channels, { mean: 2, deviation: 3 }));
  const weight = normals(random, channels, { mean: 1, deviation: 0.3 });
  const bias = normals(random, channels);
  const running = [normals(random, channels), normals(random, channels).map((v) => 0.1 + v * v)];
  const given: Problem = { random, z, weight, bias, running };
  return [
    ...statisticsCases(tensors, given),
    ...applyCases(tensors, given),
    ...backwardCases(tensors, given),
    ...(tensors.storage === "f16" ? [edgeCase(tensors)] : []),
  ];
}

interface Problem {
  readonly random: Random;
  readonly z: Float64Array;
  readonly weight: Float64Array;
  readonly bias: Float64Array;
  readonly running: Float64Array[];
}

function statisticsCases(
  tensors: CaseTensors,
  { z, weight, bias, running }: Problem,
): KernelCase[] {
  const { partials: length, statistics: statisticsLength } = batchNormScratch(shape.channels4);
  const affine = range(tensors.f32(toChannels(weight, bias)));
  const state = tensors.f32(toChannels(...running));
  const partials = tensors.output(length);
  const statistics = tensors.output(statisticsLength);
  const first = recordBatchNormStatistics({
    shape,
    z: tensors.stored(toNhwc(z, all)),
    partials,
    label,
  });
  const chunks = chunksOf(first);
  const sums = momentSums(chunks, z);
  const second = recordBatchNormFinalize({
    shape,
    affine,
    statistics,
    running: range(state),
    partials: tensors.f32(partialsOf(chunks, sums, length)),
    label,
  });

  const inferred = tensors.output(4 * padded(channels));
  const deviation = running[1].map((v) => 1 / Math.sqrt(v + BATCH_NORM_EPSILON));
  return [
    { dispatch: first, outputs: [0, 1].map((part) => chunkSums(partials, chunks, sums, part)) },
    {
      dispatch: second,
      outputs: trainedRows({ z, weight, bias, running }, statistics, state),
    },
    {
      dispatch: recordBatchNormInference({
        channels4: shape.channels4,
        affine,
        running: range(tensors.f32(toChannels(...running))),
        statistics: inferred,
        label,
      }),
      outputs: [running[0], deviation, deviation.map((v, c) => v * weight[c]), bias]
        .map((row, i) => channelRow(inferred, i, row)),
    },
  ];
}

/** Mean and sum of squared deviations of each chunk. */
function momentSums(chunks: readonly Chunk[], z: Float64Array): Float64Array[][] {
  return chunks.map(({ start, end }) => {
    const { mean, variance } = momentsOf(z, start, end);
    return [mean, variance.map((value) => value * (end - start))];
  });
}

/** What a forward pass leaves beside its output: the statistics of each segment, and the running ones. */
function trainedRows(
  { z, weight, bias, running }: Omit<Problem, "random">,
  statistics: Tensor,
  state: Tensor,
): CaseOutput[] {
  let [runningMean, runningVariance] = running;
  const expected = segmentsOf().map(({ start, end }) => {
    const part = slice(z, start, end);
    const sizes = pixels(end - start);
    const result = batchNormTrain(part, sizes, weight, bias, runningMean, runningVariance);
    ({ runningMean, runningVariance } = result);
    const { mean, inverseDeviation } = result;
    return [mean, inverseDeviation, inverseDeviation.map((v, c) => v * weight[c]), bias];
  });
  return [
    ...expected.flatMap((rows, s) => rows.map((row, i) => channelRow(statistics, s * 4 + i, row))),
    channelRow(state, 0, runningMean),
    channelRow(state, 1, runningVariance),
  ];
}

/**
 * In training: without shortcut and ReLU, with the block's input added, with a normalised shortcut added; and once in
 * inference.
 */
function applyCases(tensors: CaseTensors, problem: Problem): KernelCase[] {
  const { random, z, weight, bias, running } = problem;
  const residual = tensors.storable(normals(random, z.length));
  const moments = segmentsOf().map(({ start, end }) => momentsOf(z, start, end));
  const others = segmentsOf().map(() => ({
    mean: normals(random, channels),
    variance: normals(random, channels).map((v) => 0.2 + v * v),
  }));
  const normalise = (values: Float64Array, by: readonly Moments[]) =>
    join(
      segmentsOf().map(({ start, end }, s) =>
        batchNormEval(
          slice(values, start, end),
          pixels(end - start),
          weight,
          bias,
          by[s].mean,
          by[s].variance,
        )
      ),
    );
  const scratch = batchNormScratch(shape.channels4);
  const values = tensors.stored(toNhwc(residual, all));
  const shortcut = tensors.f32(
    toChannels(...others.flatMap((moment) => statisticsRows(moment, weight, bias))),
  );
  const own = normalise(z, moments);
  const inferred = segmentsOf().map(() => ({ mean: running[0], variance: running[1] }));
  const kinds: { residual: Residual; relu: boolean; before: Float64Array; training: boolean }[] = [
    { residual: null, relu: false, before: own, training: true },
    {
      residual: { values, statistics: null },
      relu: true,
      before: sum(own, residual),
      training: true,
    },
    {
      residual: { values, statistics: shortcut },
      relu: true,
      before: sum(own, normalise(residual, others)),
      training: true,
    },
    { residual: null, relu: true, before: normalise(z, inferred), training: false },
  ];
  return kinds.map(({ residual, relu, before, training }) => {
    const y = tensors.storedOutput(nhwcLength(all));
    const state = tensors.f32(toChannels(...running));
    const statistics = tensors.output(scratch.statistics);
    const record = (partials: Tensor | null) =>
      recordBatchNormApply({
        shape: training ? shape : { ...shape, segments: [all[0]] },
        z: tensors.stored(toNhwc(z, all)),
        affine: range(tensors.f32(toChannels(weight, bias))),
        running: range(state),
        statistics,
        partials,
        residual,
        relu,
        y,
        label,
      });
    const chunks = chunksOf(record(null));
    const partials = training
      ? tensors.f32(partialsOf(chunks, momentSums(chunks, z), scratch.partials))
      : null;
    return {
      dispatch: record(partials),
      outputs: [
        activation(y, relu ? reluForward(before) : before),
        ...(training ? trainedRows(problem, statistics, state) : []),
      ],
    };
  });
}

/** What a kernel that stores f16 must make of a number: an overflow must not be taken for one. */
const edges: readonly (readonly [value: number, stored: number])[] = [
  [-1.5, -1.5],
  [65519, 65504],
  [65520, NaN],
  [-65520, NaN],
  [-1e30, NaN],
  [Infinity, NaN],
  [-Infinity, NaN],
  [NaN, NaN],
];

/** With gamma 0 the output of batch norm is beta. */
function edgeCase(tensors: CaseTensors): KernelCase {
  const count = edges.length;
  const channels4 = count / 4;
  const y = tensors.storedOutput(count);
  const visible = (values: ArrayLike<number>) =>
    Array.from(values, (value) => Number.isNaN(value) ? 1e6 : value);
  return {
    dispatch: recordBatchNormApply({
      shape: { channels4, segments: [1] },
      z: tensors.stored(new Float64Array(count)),
      affine: range(tensors.f32([...new Array(count).fill(0), ...edges.map(([value]) => value)])),
      running: range(tensors.f32(new Array(2 * count).fill(1))),
      statistics: tensors.output(batchNormScratch(channels4).statistics),
      partials: null,
      residual: null,
      relu: false,
      y,
      label,
    }),
    outputs: [{ tensor: y, expected: visible(edges.map(([, stored]) => stored)), read: visible }],
  };
}

function backwardCases(tensors: CaseTensors, { random, z, weight, bias }: Problem): KernelCase[] {
  const scratch = batchNormScratch(shape.channels4);
  const gy = normals(random, z.length);
  const y = tensors.storable(normals(random, z.length).map((value) => Math.max(value, 0)));
  const g = reluBackward(gy, y);
  const moments = segmentsOf().map(({ start, end }) => momentsOf(z, start, end));
  const inverse = moments.map(({ variance }) =>
    variance.map((value) => 1 / Math.sqrt(value + BATCH_NORM_EPSILON))
  );
  const backward = (start: number, end: number, segment: number) =>
    batchNormBackward(slice(g, start, end), slice(z, start, end), pixels(end - start), weight, {
      mean: moments[segment].mean,
      inverseDeviation: inverse[segment],
    });
  const whole = segmentsOf().map(({ start, end }, s) => backward(start, end, s));
  const masked = tensors.f32(toNhwc(gy, all));
  const partials = tensors.output(scratch.partials);
  const gradients = tensors.output(2 * padded(channels));
  const dz = tensors.output(nhwcLength(all));
  const common = {
    shape,
    z: tensors.stored(toNhwc(z, all)),
    statistics: tensors.f32(
      toChannels(...moments.flatMap((moment) => statisticsRows(moment, weight, bias))),
    ),
    mask: { y: tensors.stored(toNhwc(y, all)) },
    label,
  };
  const first = recordBatchNormBackwardReduce({ ...common, gy: masked, partials });
  const chunks = chunksOf(first);
  const sums = chunks.map(({ start, end, segment }) => {
    const { gradBias, gradWeight } = backward(start, end, segment);
    return [gradBias, gradWeight];
  });
  return [
    {
      dispatch: first,
      outputs: [
        activation(masked, g),
        ...[0, 1].map((part) => chunkSums(partials, chunks, sums, part)),
      ],
    },
    {
      dispatch: recordBatchNormBackwardApply({
        ...common,
        gy: tensors.f32(toNhwc(g, all)),
        partials: tensors.f32(partialsOf(chunks, sums, scratch.partials)),
        gradients: range(gradients),
        dz,
      }),
      outputs: [
        activation(dz, join(whole.map(({ gradInput }) => gradInput))),
        channelRow(gradients, 0, whole.map((s) => s.gradWeight).reduce(sum)),
        channelRow(gradients, 1, whole.map((s) => s.gradBias).reduce(sum)),
      ],
    },
  ];
}

/** Pixels from `start` to `end` of a segment, and the row of the partial sums that they go to. */
interface Chunk {
  readonly segment: number;
  readonly start: number;
  readonly end: number;
  readonly row: number;
}

/** The chunks of all segments, by the sizes that the recorder put into the uniform record. */
function chunksOf({ uniform }: Dispatch): Chunk[] {
  const { chunk, chunks } = uniform as { readonly chunk: number; readonly chunks: number };
  return segmentsOf().flatMap(({ start, end }, segment) =>
    Array.from({ length: Math.ceil((end - start) / chunk) }, (_, k) => ({
      segment,
      start: start + k * chunk,
      end: Math.min(start + (k + 1) * chunk, end),
      row: (segment * chunks + k) * 2,
    }))
  );
}

/** Two sums per chunk in the kernel's layout; rows without a chunk are NaN and must not be read. */
function partialsOf(chunks: readonly Chunk[], sums: readonly Float64Array[][], length: number) {
  const table = new Float32Array(length).fill(NaN);
  chunks.forEach(({ row }, i) => table.set(toChannels(...sums[i]), row * padded(channels)));
  return table;
}

/** One of the two sums of every chunk: apart, since they differ in size. */
function chunkSums(
  tensor: Tensor,
  chunks: readonly Chunk[],
  sums: readonly Float64Array[][],
  part: number,
): CaseOutput {
  return {
    tensor,
    expected: join(sums.map((pair) => pair[part])),
    read: (values) => join(chunks.map(({ row }) => channelsOf(values, row + part, channels))),
  };
}

/** A row of a table of channels. Padded channels are not looked at: there 1 / deviation is 1 / sqrt(epsilon). */
function channelRow(tensor: Tensor, row: number, expected: ArrayLike<number>): CaseOutput {
  const start = row * padded(channels);
  return {
    tensor,
    expected,
    read: (values) => Float64Array.from({ length: channels }, (_, c) => values[start + c]),
  };
}

function activation(tensor: Tensor, expected: Float64Array): CaseOutput {
  return { tensor, expected, read: (values) => fromNhwc(values, all) };
}

function segmentsOf(): { start: number; end: number }[] {
  let end = 0;
  return segments.map((count) => ({ start: end, end: end += count }));
}

/** With one pixel per image, pixels are rows: the reference's layout is the kernel's without padding. */
function pixels(count: number): Shape4 {
  return [count, channels, 1, 1];
}

function slice(values: Float64Array, start: number, end: number): Float64Array {
  return values.slice(start * channels, end * channels);
}

interface Moments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

function momentsOf(values: Float64Array, start: number, end: number): Moments {
  const count = end - start;
  const part = slice(values, start, end);
  const mean = new Float64Array(channels);
  part.forEach((value, i) => mean[i % channels] += value / count);
  const variance = new Float64Array(channels);
  part.forEach((value, i) => variance[i % channels] += (value - mean[i % channels]) ** 2 / count);
  return { mean, variance };
}

/** Mean, inverse deviation, scale and beta, as the kernels keep them for a segment. */
function statisticsRows(
  { mean, variance }: Moments,
  weight: Float64Array,
  bias: Float64Array,
): Float64Array[] {
  const inverse = variance.map((value) => 1 / Math.sqrt(value + BATCH_NORM_EPSILON));
  return [mean, inverse, inverse.map((value, c) => value * weight[c]), bias];
}

function sum(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]);
}
