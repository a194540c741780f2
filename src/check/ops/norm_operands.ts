import type { Dispatch } from "../../gpu/dispatch.ts";
import { range, type Tensor } from "../../gpu/tensor.ts";
import { batchNormScratch, type BatchNormShape } from "../../ops/batch_norm.ts";
import type { StoredType } from "../../ops/storage.ts";
import { BatchNormSamples } from "../../reference/batch_norm_samples.ts";
import { padded } from "../../reference/layout.ts";
import { sampled } from "../define_op.ts";
import type { CaseOutput } from "../kernel_case.ts";
import type { Operands } from "../operands.ts";

/** An activation in segments of so many pixels, and how its norm is used. */
export interface NormShape {
  readonly channels: number;
  readonly segments: readonly number[];
  /** Images in the batch, where the shape is that of a network. */
  readonly batch?: number;
  readonly fewThreads?: boolean;
  /** What is added before the ReLU: the block's input, or the normalised output of its convolution shortcut. */
  readonly residual?: "identity" | "normalised";
  readonly relu?: boolean;
  /** By running statistics instead of its own. */
  readonly inference?: boolean;
  /** Whether the ReLU behind it is that of another output, for a shortcut, or of this norm alone; default: none. */
  readonly mask?: "output" | "own output";
}

/** The operands of a norm, and the reference on them. */
export class Norm {
  readonly operands: Operands;
  readonly shape: BatchNormShape;
  readonly channels: number;
  readonly stored: StoredType;
  readonly length: number;
  /** Elements from a pixel, or from a row of a table, to the next. */
  readonly step: number;
  readonly z: Float32Array<ArrayBuffer>;
  readonly affine: Float32Array<ArrayBuffer>;
  readonly samples: BatchNormSamples;
  readonly scratch: ReturnType<typeof batchNormScratch>;
  /** Channels whose sums are compared. */
  readonly compared: readonly number[];

  /** @param given whether its statistics are given, rounded to f32, as to a backward pass. */
  constructor(operands: Operands, shape: NormShape, stored: StoredType, given = false) {
    const { channels, segments, fewThreads, inference } = shape;
    const step = padded(channels);
    this.operands = operands;
    this.channels = channels;
    this.stored = stored;
    this.step = step;
    this.length = step * segments.reduce((a, b) => a + b);
    const whole = [this.length / step];
    this.shape = { channels4: step / 4, segments: inference ? whole : segments, fewThreads };
    this.z = operands.values("z", this.length, { channels, mean: 0.5, type: stored });
    const [gamma, beta] = [
      operands.values("gamma", step, { channels, mean: 1 }),
      operands.values("beta", step, { channels }),
    ];
    this.affine = new Float32Array([...gamma, ...beta]);
    this.samples = new BatchNormSamples(this.z, this.affine, channels, segments, {
      rounds: given,
    });
    this.scratch = batchNormScratch(step / 4);
    const some = [0, channels - 1, ...operands.places(channels, 4)];
    this.compared = channels > 8
      ? [...new Set(some)]
      : Array.from({ length: channels }).map((_, c) => c);
  }

  zTensor(): Tensor {
    return this.operands.tensor("z", this.z, this.stored);
  }

  affineTensor() {
    return range(this.operands.tensor("affine", this.affine));
  }

  /** `[2, C]`: running mean and variance. */
  runningValues(): Float32Array<ArrayBuffer> {
    const { channels } = this;
    const mean = this.operands.values("running mean", this.step, { channels });
    // So small that epsilon shows.
    const small = { channels, mean: 0.06, spread: 0.05 };
    const variance = this.operands.values("running variance", this.step, small);
    return new Float32Array([...mean, ...variance]);
  }

  /** Statistics of each segment as the forward pass leaves them. */
  statisticsValues(): Float32Array<ArrayBuffer> {
    const table = new Float32Array(this.scratch.statistics);
    this.samples.segments.forEach((_, s) => {
      for (let c = 0; c < this.channels; c++) {
        const rows = this.samples.segmentRows(s, c);
        rows.forEach((value, row) => table[(4 * s + row) * this.step + c] = value);
      }
    });
    return table;
  }

  /** The chunks of pixels that a launch sums, by the sizes that its recorder has put into the uniform record. */
  chunks({ uniform }: Dispatch): Chunk[] {
    const [size, most] = [Number(uniform!.chunk), Number(uniform!.chunks)];
    return this.samples.segments.flatMap(({ start, end }, segment) =>
      Array.from({ length: Math.ceil((end - start) / size) }, (_, k) => ({
        segment,
        start: start + k * size,
        end: Math.min(start + (k + 1) * size, end),
        row: 2 * (segment * most + k),
      }))
    );
  }

  /** Two sums for each chunk and channel in the kernels' layout; rows without a chunk are NaN and must not be read. */
  partialValues(chunks: readonly Chunk[], sumsOf: SumsOf): Float32Array<ArrayBuffer> {
    const table = new Float32Array(this.scratch.partials).fill(NaN);
    for (const chunk of chunks) {
      table.fill(0, chunk.row * this.step, (chunk.row + 2) * this.step);
      for (let c = 0; c < this.channels; c++) {
        sumsOf(chunk, c).forEach((sum, part) => table[(chunk.row + part) * this.step + c] = sum);
      }
    }
    return table;
  }

  /** The sums of all chunks and some channels: two outputs, since they differ in size. */
  partialOutputs(
    tensor: Tensor,
    names: readonly string[],
    chunks: readonly Chunk[],
    sumsOf: SumsOf,
    termsOf?: SumsOf,
  ): CaseOutput[] {
    const all = chunks.flatMap((chunk) => this.compared.map((c) => ({ chunk, c })));
    const sums = all.map(({ chunk, c }) => sumsOf(chunk, c));
    return names.map((name, part) => ({
      name,
      tensor,
      at: all.map(({ chunk, c }) => (chunk.row + part) * this.step + c),
      every: chunks.flatMap(({ row }) =>
        Array.from({ length: this.channels }, (_, c) => (row + part) * this.step + c)
      ),
      expected: sums.map((pair) => pair[part]),
      terms: termsOf && all.map(({ chunk, c }) => termsOf(chunk, c)[part]),
      where: (at) => ({ chunk: Math.floor(at / 2 / this.step), c: at % this.step }),
    }));
  }

  /** Mean, and sum of squared deviations. */
  readonly moments: SumsOf = ({ start, end }, channel) => {
    const { mean, variance } = this.samples.momentsOf(channel, start, end);
    return [mean, variance * (end - start)];
  };

  /** Row `row` of a table of channels. Padded channels are not looked at: there 1 / deviation is 1 / sqrt(epsilon). */
  row(name: string, tensor: Tensor, row: number, expected: (c: number) => number): CaseOutput {
    const output = sampled(
      name,
      tensor,
      this.compared.map((c) => row * this.step + c),
      (at) => expected(at % this.step),
      (at) => ({ c: at % this.step }),
    );
    return {
      ...output,
      every: Array.from({ length: this.channels }, (_, c) => row * this.step + c),
    };
  }

  /** What training leaves beside its output: the statistics of each segment, and the running ones. */
  trained(statistics: Tensor, running: Tensor, before: ArrayLike<number>): CaseOutput[] {
    const names = ["mean", "1 / deviation", "scale", "beta"];
    const after = (c: number) =>
      this.samples.running(c, { mean: before[c], variance: before[this.step + c] });
    return [
      ...this.samples.segments.flatMap((_, s) =>
        names.map((name, i) =>
          this.row(
            `${name} of segment ${s}`,
            statistics,
            4 * s + i,
            (c) => this.samples.segmentRows(s, c)[i],
          )
        )
      ),
      this.row("running mean", running, 0, (c) => after(c).mean),
      this.row("running variance", running, 1, (c) => after(c).variance),
    ];
  }

  /** Elements of an activation, padded channels included: they stay zero. */
  activation(name: string, tensor: Tensor, sample: (at: number) => number): CaseOutput {
    const { length, step, channels } = this;
    return sampled(
      name,
      tensor,
      this.operands.places(length),
      (at) => at % step < channels ? sample(at) : 0,
      (at) => ({ pixel: Math.floor(at / step), c: at % step }),
    );
  }
}

/** Pixels from `start` to `end` of a segment, and the row of the partial sums that they go to. */
interface Chunk {
  readonly segment: number;
  readonly start: number;
  readonly end: number;
  readonly row: number;
}

export type SumsOf = (chunk: Chunk, channel: number) => readonly [number, number];
