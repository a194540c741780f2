import { range, upload } from "../src/gpu/tensor.ts";
import {
  batchNormScratch,
  recordBatchNormApply,
  recordBatchNormBackwardApply,
  recordBatchNormBackwardReduce,
  recordBatchNormStatistics,
} from "../src/ops/batch_norm.ts";
import { convNormsOf, resnet18 } from "../src/net/resnet18.ts";
import type { NetworkSize } from "./convolution_cases.ts";
import type { Operands } from "../src/experiment/tuning/operands.ts";
import type { KernelCase } from "./kernel_case.ts";

interface Shape {
  readonly layer: string;
  readonly layers: number;
  readonly channels: number;
  /** Pixels of an image. */
  readonly area: number;
}

/** Batch norm with ReLU, forward and backward, at every shape of the network; the batch is one segment. */
export function batchNormCases(
  { width, size, batch }: NetworkSize,
  fewThreads = false,
): KernelCase[] {
  const net = resnet18({ width, heads: 10, height: size, inputWidth: size });
  const shapes = new Map<string, Shape>();
  for (const layer of [net.stem, ...net.blocks.flatMap(convNormsOf)]) {
    const { outputChannels: channels, outputHeight, outputWidth, norm } = layer;
    const area = outputHeight * outputWidth;
    const known = shapes.get(`${channels} ${area}`);
    shapes.set(`${channels} ${area}`, {
      layer: known?.layer ?? norm,
      layers: (known?.layers ?? 0) + 1,
      channels,
      area,
    });
  }
  return [...shapes.values()].flatMap((shape) => casesOf(shape, batch, fewThreads));
}

function casesOf(
  { layer, layers, channels, area }: Shape,
  batch: number,
  fewThreads: boolean,
): KernelCase[] {
  const padded = Math.ceil(channels / 4) * 4;
  const pixels = batch * area;
  const length = pixels * padded;
  const shape = { channels4: padded / 4, segments: [pixels], fewThreads };
  const common = { layer, layers, shape: { batch, channels, area } };
  const where = (at: number) => ({ pixel: Math.floor(at / padded), c: at % padded });
  const label = layer;

  /** Operands and what the definition makes of them, for some channels. */
  const operands = (bench: Operands) => {
    const z = bench.values(length, { channels, mean: 0.5 });
    const gy = bench.values(length, { channels });
    const affine = bench.values(2 * padded, { mean: 1 });
    const moments = (c: number) => {
      let sum = 0;
      for (let p = 0; p < pixels; p++) sum += z[p * padded + c];
      const mean = sum / pixels;
      let squares = 0;
      for (let p = 0; p < pixels; p++) squares += (z[p * padded + c] - mean) ** 2;
      return { mean, inverse: 1 / Math.sqrt(squares / pixels + 1e-5) };
    };
    const known = new Map<number, ReturnType<typeof moments>>();
    const momentsOf = (c: number) => {
      if (!known.has(c)) known.set(c, moments(c));
      return known.get(c)!;
    };
    const y = (at: number) => {
      const { mean, inverse } = momentsOf(at % padded);
      return Math.max(
        0,
        (z[at] - mean) * inverse * affine[at % padded] + affine[padded + at % padded],
      );
    };
    // Statistics as the forward pass leaves them.
    const statistics = new Float32Array(batchNormScratch(padded / 4).statistics);
    const rows = () => {
      for (let c = 0; c < channels; c++) {
        const { mean, inverse } = momentsOf(c);
        statistics[c] = mean;
        statistics[padded + c] = inverse;
        statistics[2 * padded + c] = inverse * affine[c];
        statistics[3 * padded + c] = affine[padded + c];
      }
      return statistics;
    };
    const sumsOf = (c: number, first = 0, last = pixels) => {
      const { mean, inverse } = momentsOf(c);
      let [g, gx] = [0, 0];
      for (let p = first; p < last; p++) {
        const at = p * padded + c;
        if (y(at) <= 0) continue;
        g += gy[at];
        gx += gy[at] * (z[at] - mean) * inverse;
      }
      return { g, gx };
    };
    /** Mean and sum of squared deviations of each chunk of pixels. */
    const momentPartials = (chunk: number, size: number) => {
      const table = new Float32Array(size);
      for (let first = 0, row = 0; first < pixels; first += chunk, row += 2 * padded) {
        const last = Math.min(first + chunk, pixels);
        for (let c = 0; c < channels; c++) {
          let sum = 0;
          for (let p = first; p < last; p++) sum += z[p * padded + c];
          const mean = sum / (last - first);
          let squares = 0;
          for (let p = first; p < last; p++) squares += (z[p * padded + c] - mean) ** 2;
          table[row + c] = mean;
          table[row + padded + c] = squares;
        }
      }
      return table;
    };
    return { z, gy, affine, momentsOf, y, rows, sumsOf, momentPartials };
  };
  const places = (bench: Operands) =>
    bench.places(length, 2000).filter((at) => at % padded < channels);
  const channelPlaces = (
    bench: Operands,
  ) => [...new Set([0, channels - 1, ...bench.places(channels, 4)])];
  const scratch = batchNormScratch(padded / 4);

  return [
    {
      kernel: "batch_norm_statistics",
      ...common,
      flops: 4 * length,
      bytes: 4 * length,
      prepare: (bench) => {
        const { z } = operands(bench);
        const at = channelPlaces(bench);
        const partials = bench.output("partials", scratch.partials);
        const dispatch = recordBatchNormStatistics({
          shape,
          z: bench.tensor("z", z),
          partials,
          label,
        });
        // The means of the chunks, whose sizes the uniform record holds.
        const chunk = dispatch.uniform!.chunk as number;
        const chunks = Math.ceil(pixels / chunk);
        const all = at.flatMap((c) => Array.from({ length: chunks }, (_, k) => ({ c, k })));
        return {
          dispatches: [dispatch],
          outputs: [{
            name: "mean",
            tensor: partials,
            at: all.map(({ c, k }) => k * 2 * padded + c),
            expected: all.map(({ c, k }) => {
              const end = Math.min((k + 1) * chunk, pixels);
              let sum = 0;
              for (let p = k * chunk; p < end; p++) sum += z[p * padded + c];
              return sum / (end - k * chunk);
            }),
            where: (place: number) => ({
              chunk: Math.floor(place / 2 / padded),
              c: place % padded,
            }),
          }],
        };
      },
    },
    {
      kernel: "batch_norm_apply",
      ...common,
      flops: 4 * length,
      bytes: 8 * length,
      prepare: (bench) => {
        const { z, affine, y, momentPartials } = operands(bench);
        const at = places(bench);
        const tensor = bench.output("y", length);
        const operand = bench.tensor("z", z);
        const partials = bench.arena.tensor("partials", [scratch.partials]);
        const sums = recordBatchNormStatistics({ shape, z: operand, partials, label });
        upload(
          bench.gpu,
          partials,
          momentPartials(sums.uniform!.chunk as number, scratch.partials),
        );
        return {
          dispatches: [recordBatchNormApply({
            shape,
            z: operand,
            affine: range(bench.tensor("affine", affine)),
            running: range(bench.tensor("running", new Float32Array(2 * padded).fill(1))),
            statistics: bench.arena.tensor("statistics", [scratch.statistics]),
            partials,
            residual: null,
            relu: true,
            y: tensor,
            label,
          })],
          outputs: [{ name: "y", tensor, at, expected: at.map(y), where }],
        };
      },
    },
    {
      kernel: "batch_norm_backward_reduce",
      ...common,
      flops: 6 * length,
      bytes: 8 * length,
      prepare: (bench) => {
        const { z, gy, rows, sumsOf } = operands(bench);
        const at = channelPlaces(bench);
        const partials = bench.output("partials", scratch.partials);
        const dispatch = recordBatchNormBackwardReduce({
          shape,
          z: bench.tensor("z", z),
          mask: "own output",
          gy: bench.tensor("gy", gy),
          statistics: bench.tensor("statistics", rows()),
          partials,
          label,
        });
        const chunk = dispatch.uniform!.chunk as number;
        const chunks = Math.ceil(pixels / chunk);
        const all = at.flatMap((c) => Array.from({ length: chunks }, (_, k) => ({ c, k })));
        const sums = all.map(({ c, k }) => sumsOf(c, k * chunk, Math.min((k + 1) * chunk, pixels)));
        return {
          dispatches: [dispatch],
          outputs: [0, 1].map((part) => ({
            name: ["sum of g", "sum of g x"][part],
            tensor: partials,
            at: all.map(({ c, k }) => (k * 2 + part) * padded + c),
            expected: sums.map(({ g, gx }) => part === 0 ? g : gx),
            where: (place: number) => ({
              chunk: Math.floor(place / 2 / padded),
              c: place % padded,
            }),
          })),
        };
      },
    },
    {
      kernel: "batch_norm_backward_apply",
      ...common,
      flops: 5 * length,
      bytes: 12 * length,
      prepare: (bench) => {
        const { z, gy, affine, momentsOf, rows, y, sumsOf } = operands(bench);
        const at = places(bench);
        const dz = bench.output("dz", length);
        const gradients = bench.output("gradients", 2 * padded);
        const partials = bench.arena.tensor("partials", [scratch.partials]);
        const statistics = bench.tensor("statistics", rows());
        const common = {
          shape,
          z: bench.tensor("z", z),
          mask: "own output" as const,
          gy: bench.tensor("gy", gy),
          statistics,
          partials,
          label,
        };
        // All sums in the first chunk; the others hold zeros.
        const sums = Array.from({ length: channels }, (_, c) => sumsOf(c));
        const table = new Float32Array(scratch.partials);
        sums.forEach(({ g, gx }, c) => {
          table[c] = g;
          table[padded + c] = gx;
        });
        upload(bench.gpu, partials, table);
        const few = channelPlaces(bench);
        return {
          dispatches: [
            recordBatchNormBackwardApply({ ...common, gradients: range(gradients), dz }),
          ],
          outputs: [
            {
              name: "dz",
              tensor: dz,
              at,
              where,
              expected: at.map((i) => {
                const c = i % padded;
                const { mean, inverse } = momentsOf(c);
                const g = y(i) > 0 ? gy[i] : 0;
                const x = (z[i] - mean) * inverse;
                return affine[c] * inverse * (g - sums[c].g / pixels - x * sums[c].gx / pixels);
              }),
            },
            {
              name: "gradients",
              tensor: gradients,
              at: [...few, ...few.map((c) => padded + c)],
              expected: [...few.map((c) => sums[c].gx), ...few.map((c) => sums[c].g)],
              where: (place: number) => ({ part: Math.floor(place / padded), c: place % padded }),
            },
          ],
        };
      },
    },
  ];
}
