import { range, type Tensor } from "../../gpu/tensor.ts";
import {
  batchNormKernels,
  batchNormScratch,
  recordBatchNormApply,
  recordBatchNormBackwardApply,
  recordBatchNormBackwardReduce,
  recordBatchNormFinalize,
  recordBatchNormInference,
  recordBatchNormStatistics,
} from "../../ops/batch_norm.ts";
import type { StoredType } from "../../ops/storage.ts";
import { padded } from "../../reference/layout.ts";
import { defineOp, known, type OpRecord } from "../define_op.ts";
import type { NetworkSize } from "../kernel_case.ts";
import { convNorms, different } from "../layers.ts";
import type { Operands } from "../operands.ts";
import { Norm, type NormShape, type SumsOf } from "./norm_operands.ts";

/** Two segments: the first takes two chunks of pixels, the second does not fill one. */
const small: NormShape = { channels: 5, segments: [2000, 77] };

const label = "check";

/** What the operations have in common: shapes, with what is special to one, and costs by element of the activation. */
function normRecord(
  about: Pick<OpRecord<NormShape>, "name" | "summary" | "kernels">,
  special: Partial<NormShape>,
  cost: { readonly flops: number; readonly bytes: number },
): Omit<OpRecord<NormShape>, "prepare"> {
  const length = ({ channels, segments }: NormShape) =>
    padded(channels) * segments.reduce((a, b) => a + b);
  return {
    ...about,
    activations: true,
    small: () => [small],
    ofNetwork: ({ batch, segments = [batch], inference = false, ...size }, gpu) =>
      inference && !special.relu ? [] : different(
        convNorms(size).map(({ norm, outputChannels, outputHeight, outputWidth }) => ({
          layer: norm,
          shape: {
            batch,
            channels: outputChannels,
            segments: segments.map((images) => images * outputHeight * outputWidth),
            fewThreads: gpu.adapter.isFallback,
            ...special,
            ...(inference ? { inference } : {}),
          },
        })),
      ),
    sizes: ({ channels, segments, batch = 1, residual, inference, mask }) => {
      const area = segments.reduce((a, b) => a + b) / batch;
      return {
        ...{ batch, channels, area },
        ...(segments.length > 1
          ? Object.fromEntries(segments.map((pixels, i) => [`segment${i}`, pixels]))
          : {}),
        ...(residual ? { residual: residual === "identity" ? 1 : 2 } : {}),
        ...(inference ? { inference: 1 } : {}),
        ...(mask !== special.mask ? { mask: mask === "output" ? 1 : mask ? 2 : 0 } : {}),
      };
    },
    cost: (shape) => {
      return { flops: cost.flops * length(shape), bytes: cost.bytes * length(shape) };
    },
  };
}

/** Shapes of the norms behind convolution shortcuts alone. */
function ofShortcuts(record: Omit<OpRecord<NormShape>, "prepare">) {
  return {
    ...record,
    activations: false,
    ofNetwork: ({ batch, segments = [batch], inference = false, ...size }: NetworkSize) =>
      inference && record.name !== "batch_norm_inference" ? [] : different(
        convNorms(size).filter(({ conv }) => conv.includes("shortcut"))
          .map(({ norm, outputChannels: channels, outputHeight, outputWidth }) => ({
            layer: norm,
            shape: {
              ...{ batch, channels },
              segments: segments.map((images) => images * outputHeight * outputWidth),
            },
          })),
      ),
    cost: ({ channels }: NormShape) => ({ flops: 10 * channels, bytes: 32 * channels }),
  };
}

/** Mean and sum of squared deviations of each chunk of pixels. */
export const batchNormStatistics = defineOp<NormShape>({
  ...normRecord(
    {
      name: "batch_norm_statistics",
      summary: "mean and squared deviations of each chunk of pixels",
      kernels: Object.values(batchNormKernels.statistics),
    },
    {},
    { flops: 4, bytes: 4 },
  ),
  prepare: (operands, given, stored) => {
    const norm = new Norm(operands, given, stored);
    const { shape } = norm;
    const partials = operands.output("partials", norm.scratch.partials);
    const dispatch = recordBatchNormStatistics({ shape, z: norm.zTensor(), partials, label });
    const names = ["mean", "squared deviations"];
    return {
      dispatches: () => [dispatch],
      outputs: norm.partialOutputs(partials, names, norm.chunks(dispatch), norm.moments),
    };
  },
});

/**
 * Statistics of each segment from those of the chunks, and the running ones: for the norm of a convolution shortcut.
 */
export const batchNormFinalize = defineOp<NormShape>({
  ...ofShortcuts(
    normRecord(
      {
        name: "batch_norm_finalize",
        summary: "statistics of each segment from its chunks, and the running ones",
        kernels: [batchNormKernels.finalize],
      },
      {},
      { flops: 0, bytes: 0 },
    ),
  ),
  prepare: (operands, given) => {
    const norm = new Norm(operands, given, "f32");
    const { shape, scratch } = norm;
    const before = norm.runningValues();
    const running = operands.output("running", before);
    const statistics = operands.output("statistics", scratch.statistics);
    const affine = norm.affineTensor();
    const record = (partials: Tensor) =>
      recordBatchNormFinalize({
        ...{ shape, affine, running: range(running), statistics, partials, label },
      });
    const chunks = norm.chunks(record(statistics));
    const partials = operands.tensor("partials", norm.partialValues(chunks, norm.moments));
    return {
      dispatches: () => [record(partials)],
      outputs: norm.trained(statistics, running, before),
    };
  },
});

/** Statistics from the running ones: the same in inference. */
export const batchNormInference = defineOp<NormShape>({
  ...ofShortcuts(
    normRecord(
      {
        name: "batch_norm_inference",
        summary: "statistics for inference, from the running ones",
        kernels: [batchNormKernels.inference],
      },
      {},
      { flops: 0, bytes: 0 },
    ),
  ),
  prepare: (operands, given) => {
    const norm = new Norm(operands, given, "f32");
    const before = norm.runningValues();
    const statistics = operands.output("statistics", 4 * norm.step);
    const rows = (c: number) =>
      norm.samples.rowsOf(c, { mean: before[c], variance: before[norm.step + c] });
    return {
      dispatches: () => [recordBatchNormInference({
        channels4: norm.shape.channels4,
        affine: norm.affineTensor(),
        running: range(operands.tensor("running", before)),
        statistics,
        label,
      })],
      outputs: ["mean", "1 / deviation", "scale", "beta"].map((name, i) =>
        norm.row(name, statistics, i, (c) => rows(c)[i])
      ),
    };
  },
});

/** What a kernel that stores f16 must make of a number: an overflow must not be taken for one. */
const edges: readonly (readonly [value: number, stored: number])[] = [
  ...[-1.5, 65519].map((value) => [value, Math.min(value, 65504)] as const),
  ...[65520, -65520, -1e30, Infinity, -Infinity, NaN].map((value) => [value, NaN] as const),
];

/** The shape that stands for {@linkcode edges}. */
const edgeShape: NormShape = { channels: edges.length, segments: [1], inference: true };

/** Normalises, in training by way of the chunks' statistics, adds the shortcut and cuts off below 0. */
export const batchNormApply = defineOp<NormShape>({
  ...normRecord(
    {
      name: "batch_norm_apply",
      summary: "normalises, adds the shortcut, cuts off below 0",
      kernels: Object.values(batchNormKernels.apply),
    },
    { relu: true },
    { flops: 4, bytes: 8 },
  ),
  forms: (shape, { inference = false, segments }) => {
    const residuals = ["identity", "normalised"] as const;
    const added = residuals.map((residual): NormShape => ({ ...shape, residual }));
    // A batch of which it is not said how it is divided may be either.
    const either = !inference && segments === undefined;
    const infers = [shape, ...added].map((form): NormShape => ({ ...form, inference: true }));
    return either ? [...added, ...infers] : added;
  },
  small: (stored) => [
    small,
    { ...small, residual: "identity", relu: true },
    { ...small, residual: "normalised", relu: true },
    { ...small, relu: true, inference: true },
    ...(stored === "f16" ? [edgeShape] : []),
  ],
  prepare: (operands, given, stored) => {
    if (given === edgeShape) return prepareEdges(operands, stored);
    const norm = new Norm(operands, given, stored);
    const { shape, samples, scratch, step, channels } = norm;
    const before = norm.runningValues();
    const [z, affine] = [norm.zTensor(), norm.affineTensor()];
    const running = operands.output("running", before);
    const statistics = operands.output("statistics", scratch.statistics);
    const y = operands.output("y", norm.length, stored);
    const added = given.residual
      ? operands.values("residual", norm.length, { channels, type: stored })
      : null;
    const others = given.residual === "normalised"
      ? operands.values("shortcut statistics", scratch.statistics, { channels })
      : null;
    const residual = added && {
      values: operands.tensor("residual", added, stored),
      statistics: others && operands.tensor("shortcut statistics", others),
    };
    const record = (partials: Tensor | null) =>
      recordBatchNormApply({
        ...{ shape, z, affine, running: range(running), statistics, partials, residual },
        ...{ relu: given.relu ?? false, y, label },
      });
    const chunks = norm.chunks(record(null));
    const partials = given.inference
      ? null
      : operands.tensor("partials", norm.partialValues(chunks, norm.moments));
    const shortcut = (at: number) => {
      if (!added || !others) return added?.[at] ?? 0;
      const first = 4 * samples.segmentOf(Math.floor(at / step)) * step + at % step;
      return (added[at] - others[first]) * others[first + 2 * step] + others[first + 3 * step];
    };
    const sample = (at: number) => {
      const c = at % step;
      const moments = given.inference ? { mean: before[c], variance: before[step + c] } : undefined;
      const sum = samples.normalised(at, moments) + shortcut(at);
      return given.relu ? Math.max(0, sum) : sum;
    };
    return {
      dispatches: () => [record(partials)],
      outputs: [
        norm.activation("y", y, sample),
        ...(given.inference ? [] : norm.trained(statistics, running, before)),
      ],
    };
  },
});

/** With gamma 0 the output of batch norm is beta. */
function prepareEdges(operands: Operands, stored: StoredType) {
  const count = edges.length;
  const y = operands.output("y", count, stored);
  const visible = (value: number) => Number.isNaN(value) ? 1e6 : value;
  const affine = [...new Array(count).fill(0), ...edges.map(([value]) => value)];
  const record = recordBatchNormApply({
    shape: { channels4: count / 4, segments: [1] },
    z: operands.tensor("z", new Float32Array(count), stored),
    affine: range(operands.tensor("affine", affine)),
    running: range(operands.tensor("running", new Array(2 * count).fill(1))),
    statistics: operands.output("statistics", batchNormScratch(count / 4).statistics),
    ...{ partials: null, residual: null, relu: false, y, label },
  });
  const output = known(operands, "y", y, edges.map(([, result]) => visible(result)));
  return {
    dispatches: () => [record],
    outputs: [{ ...output, read: (values: ArrayLike<number>, at: number) => visible(values[at]) }],
  };
}

/** The gradient behind the ReLU, the operands of both backward kernels, and the sums of a chunk. */
function backward(operands: Operands, given: NormShape, stored: StoredType) {
  const norm = new Norm(operands, given, stored, true);
  const { samples, channels } = norm;
  const gy = operands.values("gy", norm.length, { channels });
  const y = given.mask === "output"
    ? operands.values("y", norm.length, { channels, type: stored })
      .map((value) => Math.max(value, 0))
    : null;
  const isOpen = (at: number) => !given.mask || (y ? y[at] : samples.normalised(at)) > 0;
  const masked = (at: number) => isOpen(at) ? gy[at] : 0;
  const sumsOf: SumsOf = (chunk, c) => {
    const { beta, gamma } = samples.gradientSums(masked, c, chunk.segment, chunk);
    return [beta, gamma];
  };
  const termsOf: SumsOf = (chunk, c) => {
    const { beta, gamma } = samples.gradientTerms(masked, c, chunk.segment, chunk);
    return [beta, gamma];
  };
  return {
    ...{ norm, gy, masked, sumsOf, termsOf },
    common: {
      ...{ shape: norm.shape, z: norm.zTensor(), label },
      mask: y ? { y: operands.tensor("y", y, stored) } : given.mask ? "own output" as const : null,
      statistics: operands.tensor("statistics", norm.statisticsValues()),
    },
  };
}

/** Behind an output that is added to, and behind none. */
const otherMasks = (shape: NormShape): NormShape[] => [
  { ...shape, mask: "output" },
  { ...shape, mask: undefined },
];

const bothMasks = () => [
  { ...small, mask: "output" as const },
  { ...small, mask: "own output" as const },
];

/** Sums of the gradient, and of the gradient times the normalised z, over each chunk of pixels. */
export const batchNormBackwardReduce = defineOp<NormShape>({
  ...normRecord(
    {
      name: "batch_norm_backward_reduce",
      summary: "the ReLU's mask, and two sums of each chunk of pixels",
      kernels: Object.values(batchNormKernels.backwardReduce),
    },
    { mask: "own output" },
    { flops: 6, bytes: 8 },
  ),
  small: bothMasks,
  forms: otherMasks,
  prepare: (operands, given, stored) => {
    const { norm, gy: before, masked, sumsOf, termsOf, common } = backward(operands, given, stored);
    const gy = operands.output("gy", before);
    const partials = operands.output("partials", norm.scratch.partials);
    const dispatch = recordBatchNormBackwardReduce({ ...common, gy, partials });
    const names = ["sum of g", "sum of g x"];
    const sums = norm.partialOutputs(partials, names, norm.chunks(dispatch), sumsOf, termsOf);
    // Written back only where a shortcut needs it.
    const written = given.mask === "output" ? [norm.activation("masked gy", gy, masked)] : [];
    return { dispatches: () => [dispatch], outputs: [...written, ...sums] };
  },
});

/** The gradients of z, gamma and beta from these sums. */
export const batchNormBackwardApply = defineOp<NormShape>({
  ...normRecord(
    {
      name: "batch_norm_backward_apply",
      summary: "the gradients of input, gamma and beta",
      kernels: Object.values(batchNormKernels.backwardApply),
    },
    { mask: "own output" },
    { flops: 5, bytes: 12 },
  ),
  small: bothMasks,
  forms: otherMasks,
  prepare: (operands, given, stored) => {
    const { norm, gy, masked, sumsOf, common } = backward(operands, given, stored);
    const { samples, step } = norm;
    const dz = operands.output("dz", norm.length);
    const gradients = operands.output("gradients", 2 * step);
    const g = given.mask === "output" ? gy.map((_, at) => masked(at)) : gy;
    const gyTensor = operands.tensor("gy", g);
    const record = (partials: Tensor) =>
      recordBatchNormBackwardApply({
        ...{ ...common, gy: gyTensor, partials, gradients: range(gradients), dz },
      });
    const chunks = norm.chunks(record(dz));
    const partials = operands.tensor("partials", norm.partialValues(chunks, sumsOf));
    const known = new Map<string, ReturnType<typeof samples.gradientSums>>();
    const sums = (segment: number, c: number) => {
      const key = `${segment} ${c}`;
      if (!known.has(key)) known.set(key, samples.gradientSums(masked, c, segment));
      return known.get(key)!;
    };
    const total = (part: "gamma" | "beta") => (c: number) =>
      samples.segments.reduce((sum, _, segment) => sum + sums(segment, c)[part], 0);
    const sumsAt = (at: number) => sums(samples.segmentOf(Math.floor(at / step)), at % step);
    const sample = (at: number) => samples.inputGradient(at, masked(at), sumsAt(at));
    const output = norm.activation("dz", dz, sample);
    const terms = Array.from(
      output.at,
      (at) =>
        at % step < norm.channels ? samples.inputGradientTerms(at, masked(at), sumsAt(at)) : 0,
    );
    return {
      dispatches: () => [record(partials)],
      outputs: [
        { ...output, terms },
        norm.row("gradient of gamma", gradients, 0, total("gamma")),
        norm.row("gradient of beta", gradients, 1, total("beta")),
      ],
    };
  },
});
