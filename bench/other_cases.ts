import { parameterTable } from "../src/net/parameters.ts";
import { resnet18 } from "../src/net/resnet18.ts";
import { BatchRecord } from "../src/ops/batch_record.ts";
import { recordLinearForward } from "../src/ops/linear.ts";
import { recordPoolBackward, recordPoolForward } from "../src/ops/pool.ts";
import { recordSgd } from "../src/ops/sgd.ts";
import { range, upload } from "../src/gpu/tensor.ts";
import type { NetworkSize } from "./convolution_cases.ts";
import type { KernelCase } from "./kernel_case.ts";

const heads = 10;

/** The update, the pooling and the classifier. */
export function otherCases({ width, size, batch }: NetworkSize): KernelCase[] {
  const net = resnet18({ width, heads, height: size, inputWidth: size });
  const { outputHeight, outputWidth } = net.blocks.at(-1)!.second;
  const area = outputHeight * outputWidth;
  const channels = net.features;
  const pool = { rows: batch, area, channels4: channels / 4 };
  const poolShape = { batch, area, channels };
  const length = parameterTable(net).learnedLength;
  return [
    {
      kernel: "sgd_masked",
      layer: "all",
      layers: 1,
      shape: { parameters: length },
      flops: 6 * length,
      bytes: 20 * length + length,
      prepare: (bench) => {
        const [w, g, v] = [0, 1, 2].map(() => bench.values(length));
        const values = bench.tensor("values", w);
        const mask = bench.arena.tensor("mask", [length / 4], "u32");
        upload(bench.gpu, mask, new Uint32Array(length / 4).fill(1));
        const batchRecord = new BatchRecord(bench.arena, { maxRows: 1, maxMasks: 1, heads });
        batchRecord.write({ lossSlot: 0, learningRate: 0.5 }, [], []);
        const at = bench.places(length, 2000);
        const velocities = bench.tensor("velocities", v);
        return {
          dispatches: [recordSgd({
            momentum: 0,
            weightDecay: 0,
            nesterov: false,
            batch: batchRecord.tensor,
            gradients: bench.tensor("gradients", g),
            mask,
            values,
            velocities,
          })],
          outputs: [{
            name: "values",
            tensor: values,
            at,
            expected: at.map((i) => w[i] - 0.5 * g[i]),
            where: (i) => ({ parameter: i }),
          }],
        };
      },
    },
    {
      kernel: "pool_forward",
      layer: "pool",
      layers: 1,
      shape: poolShape,
      flops: batch * area * channels,
      bytes: 4 * batch * (area + 1) * channels,
      prepare: (bench) => {
        const x = bench.values(batch * area * channels);
        const features = bench.output("features", batch * channels);
        const at = bench.places(batch * channels, 500);
        return {
          dispatches: [recordPoolForward(pool, bench.tensor("x", x), features)],
          outputs: [{
            name: "features",
            tensor: features,
            at,
            where: (i) => ({ n: Math.floor(i / channels), c: i % channels }),
            expected: at.map((i) => {
              let sum = 0;
              const first = Math.floor(i / channels) * area * channels + i % channels;
              for (let p = 0; p < area; p++) sum += x[first + p * channels];
              return sum / area;
            }),
          }],
        };
      },
    },
    {
      kernel: "pool_backward",
      layer: "pool",
      layers: 1,
      shape: poolShape,
      flops: batch * area * channels,
      bytes: 4 * batch * (area + 1) * channels,
      prepare: (bench) => {
        const g = bench.values(batch * channels);
        const gx = bench.output("gx", batch * area * channels);
        const at = bench.places(batch * area * channels, 500);
        return {
          dispatches: [recordPoolBackward(pool, bench.tensor("g", g), gx)],
          outputs: [{
            name: "gx",
            tensor: gx,
            at,
            where: (i) => ({ pixel: Math.floor(i / channels), c: i % channels }),
            expected: at.map((i) =>
              g[Math.floor(i / channels / area) * channels + i % channels] / area
            ),
          }],
        };
      },
    },
    {
      kernel: "linear_forward",
      layer: "linear",
      layers: 1,
      shape: { batch, channels, heads },
      flops: 2 * batch * channels * heads,
      bytes: 4 * (batch * channels + batch * 12 + channels * 12),
      prepare: (bench) => {
        const [x, w] = [bench.values(batch * channels), bench.values(channels * 12)];
        const bias = bench.values(12);
        const logits = bench.output("logits", batch * 12);
        const at = bench.places(batch * 12, 300);
        return {
          dispatches: [recordLinearForward(
            { rows: batch, channels4: channels / 4, heads4: 3 },
            bench.tensor("x", x),
            range(bench.tensor("w", w)),
            range(bench.tensor("bias", bias)),
            logits,
          )],
          outputs: [{
            name: "logits",
            tensor: logits,
            at,
            where: (i) => ({ n: Math.floor(i / 12), head: i % 12 }),
            expected: at.map((i) => {
              let sum = bias[i % 12];
              for (let c = 0; c < channels; c++) {
                sum += x[Math.floor(i / 12) * channels + c] * w[c * 12 + i % 12];
              }
              return sum;
            }),
          }],
        };
      },
    },
  ];
}
