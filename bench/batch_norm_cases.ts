import { range } from "../src/gpu/tensor.ts";
import {
  batchNormScratch,
  recordBatchNormApply,
  recordBatchNormBackwardApply,
  recordBatchNormBackwardReduce,
  recordBatchNormStatistics,
} from "../src/ops/batch_norm.ts";
import { convNormsOf, resnet18 } from "../src/net/resnet18.ts";
import type { NetworkSize } from "./convolution_cases.ts";
import type { CaseBench, KernelCase } from "./kernel_case.ts";

interface Shape {
  readonly layer: string;
  readonly layers: number;
  readonly channels: number;
  /** Pixels of an image. */
  readonly area: number;
}

/** Batch norm with ReLU, forward and backward, at every shape of the network; the batch is one segment. */
export function batchNormCases({ width, size, batch }: NetworkSize): KernelCase[] {
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
  return [...shapes.values()].flatMap((shape) => casesOf(shape, batch));
}

function casesOf({ layer, layers, channels, area }: Shape, batch: number): KernelCase[] {
  const padded = Math.ceil(channels / 4) * 4;
  const pixels = batch * area;
  const length = pixels * padded;
  const shape = { channels4: padded / 4, segments: [pixels] };
  const common = { layer, layers, shape: { batch, channels, area } };
  const where = (at: number) => ({ pixel: Math.floor(at / padded), c: at % padded });
  const label = layer;

  /** Operands and what the definition makes of them, for some channels. */
  const operands = (bench: CaseBench) => {
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
    const sumsOf = (c: number) => {
      const { mean, inverse } = momentsOf(c);
      let [g, gx] = [0, 0];
      for (let p = 0; p < pixels; p++) {
        const at = p * padded + c;
        if (y(at) <= 0) continue;
        g += gy[at];
        gx += gy[at] * (z[at] - mean) * inverse;
      }
      return { g, gx };
    };
    return { z, gy, affine, momentsOf, y, rows, sumsOf };
  };
  const places = (bench: CaseBench) =>
    bench.places(length, 2000).filter((at) => at % padded < channels);
  const channelPlaces = (
    bench: CaseBench,
  ) => [...new Set([0, channels - 1, ...bench.places(channels, 4)])];
  const scratch = batchNormScratch(padded / 4);

  return [
    {
      kernel: "batch_norm_statistics",
      ...common,
      flops: 4 * length,
      bytes: 4 * length,
      prepare: (bench) => {
        const { z, affine, momentsOf } = operands(bench);
        const at = channelPlaces(bench);
        const statistics = bench.output("statistics", scratch.statistics);
        const rows = [
          (c: number) => momentsOf(c).mean,
          (c: number) => momentsOf(c).inverse,
        ];
        return {
          dispatches: recordBatchNormStatistics({
            shape,
            z: bench.tensor("z", z),
            affine: range(bench.tensor("affine", affine)),
            running: range(bench.tensor("running", new Float32Array(2 * padded).fill(1))),
            partials: bench.arena.tensor("partials", [scratch.partials]),
            statistics,
            label,
          }),
          outputs: rows.map((row, i) => ({
            name: ["mean", "inverse deviation"][i],
            tensor: statistics,
            at: at.map((c) => i * padded + c),
            expected: at.map(row),
            where: (place: number) => ({ c: place % padded }),
          })),
        };
      },
    },
    {
      kernel: "batch_norm_apply",
      ...common,
      flops: 4 * length,
      bytes: 8 * length,
      prepare: (bench) => {
        const { z, y, rows } = operands(bench);
        const at = places(bench);
        const tensor = bench.output("y", length);
        return {
          dispatches: [recordBatchNormApply({
            shape,
            z: bench.tensor("z", z),
            statistics: bench.tensor("statistics", rows()),
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
      bytes: 16 * length,
      prepare: (bench) => {
        const { z, gy, y, rows, sumsOf } = operands(bench);
        const at = channelPlaces(bench);
        const gradients = bench.output("gradients", 2 * padded);
        const outputs = Float32Array.from({ length }, (_, i) => i % padded < channels ? y(i) : 0);
        return {
          dispatches: recordBatchNormBackwardReduce({
            shape,
            z: bench.tensor("z", z),
            y: bench.tensor("y", outputs),
            gy: bench.tensor("gy", gy),
            statistics: bench.tensor("statistics", rows()),
            partials: bench.arena.tensor("partials", [scratch.partials]),
            coefficients: bench.arena.tensor("coefficients", [scratch.coefficients]),
            gradients: range(gradients),
            label,
          }),
          outputs: [{
            name: "gradients",
            tensor: gradients,
            at: [...at, ...at.map((c) => padded + c)],
            expected: [...at.map((c) => sumsOf(c).gx), ...at.map((c) => sumsOf(c).g)],
            where: (place: number) => ({ part: Math.floor(place / padded), c: place % padded }),
          }],
        };
      },
    },
    {
      kernel: "batch_norm_backward_apply",
      ...common,
      flops: 5 * length,
      bytes: 12 * length,
      prepare: (bench) => {
        const { z, gy, affine, momentsOf, rows } = operands(bench);
        const at = places(bench);
        const dz = bench.output("dz", length);
        const coefficients = bench.values(scratch.coefficients);
        return {
          dispatches: [recordBatchNormBackwardApply({
            shape,
            z: bench.tensor("z", z),
            g: bench.tensor("g", gy),
            statistics: bench.tensor("statistics", rows()),
            coefficients: bench.tensor("coefficients", coefficients),
            dz,
            label,
          })],
          outputs: [{
            name: "dz",
            tensor: dz,
            at,
            where,
            expected: at.map((i) => {
              const c = i % padded;
              const { mean, inverse } = momentsOf(c);
              return affine[c] * inverse * gy[i] - coefficients[c] -
                coefficients[padded + c] * (z[i] - mean);
            }),
          }],
        };
      },
    },
  ];
}
