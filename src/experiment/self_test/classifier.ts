import { argmax } from "../../reference/argmax.ts";
import type { Shape4 } from "../../reference/conv2d.ts";
import { crossEntropy } from "../../reference/cross_entropy.ts";
import { linearBackward, linearForward } from "../../reference/linear.ts";
import { globalAverageBackward, globalAverageForward } from "../../reference/pool.ts";
import {
  channelsOf,
  fromKernelLayout,
  fromNhwc,
  nhwcLength,
  normals,
  padded,
  toChannels,
  toKernelLayout,
  toNhwc,
} from "../../reference/layout.ts";
import { range } from "../../gpu/tensor.ts";
import { BatchRecord } from "../../ops/batch_record.ts";
import { recordCrossEntropy } from "../../ops/cross_entropy.ts";
import {
  recordLinearForward,
  recordLinearInputGradient,
  recordLinearWeightGradient,
} from "../../ops/linear.ts";
import { recordPoolBackward, recordPoolForward } from "../../ops/pool.ts";
import { recordPredict } from "../../ops/predict.ts";
import { Random } from "../../random.ts";
import { type CaseTensors, join, type KernelCase } from "./case.ts";

/** What follows the pooling: linear layer, loss, counted predictions. */
export function classifierCases(tensors: CaseTensors): KernelCase[] {
  return [...linearCases(tensors), ...headCases(tensors)];
}

/** What follows the last block. */
export function poolCases(tensors: CaseTensors): KernelCase[] {
  const random = Random.stream(0, "self-test pool");
  const shape: Shape4 = [3, 5, 4, 3];
  const vector: Shape4 = [3, 5, 1, 1];
  const sizes = { rows: 3, area: 12, channels4: padded(5) / 4 };
  const x = tensors.storable(normals(random, 180, { mean: 3 }));
  const g = normals(random, 15);
  const features = tensors.output(nhwcLength(vector));
  const gx = tensors.output(nhwcLength(shape));
  return [
    {
      dispatch: recordPoolForward(sizes, tensors.stored(toNhwc(x, shape)), features),
      outputs: [{
        tensor: features,
        expected: globalAverageForward(x, shape),
        read: (values) => fromNhwc(values, vector),
      }],
    },
    {
      dispatch: recordPoolBackward(sizes, tensors.f32(toNhwc(g, vector)), gx),
      outputs: [{
        tensor: gx,
        expected: globalAverageBackward(g, shape),
        read: (values) => fromNhwc(values, shape),
      }],
    },
  ];
}

function linearCases(tensors: CaseTensors): KernelCase[] {
  const random = Random.stream(0, "self-test linear");
  const [rows, inputs, outputs] = [5, 9, 7];
  const [xShape, yShape]: Shape4[] = [[rows, inputs, 1, 1], [rows, outputs, 1, 1]];
  const wShape: Shape4 = [outputs, inputs, 1, 1];
  const x = normals(random, rows * inputs);
  const w = normals(random, outputs * inputs);
  const b = normals(random, outputs);
  const gy = normals(random, rows * outputs);
  const expected = linearBackward(gy, x, w, { rows, inputs, outputs });

  const shape = { rows, channels4: padded(inputs) / 4, heads4: padded(outputs) / 4 };
  const features = tensors.f32(toNhwc(x, xShape));
  const gLogits = tensors.f32(toNhwc(gy, yShape));
  const weight = range(tensors.f32(toKernelLayout(w, wShape)));
  const bias = range(tensors.f32(toChannels(b)));
  const logits = tensors.output(nhwcLength(yShape));
  const gFeatures = tensors.output(nhwcLength(xShape));
  const gWeight = tensors.output(weight.tensor.length);
  const gBias = tensors.output(bias.tensor.length);
  return [
    {
      dispatch: recordLinearForward(shape, features, weight, bias, logits),
      outputs: [{
        tensor: logits,
        expected: linearForward(x, w, b, { rows, inputs, outputs }),
        read: (values) => fromNhwc(values, yShape),
      }],
    },
    {
      dispatch: recordLinearInputGradient(shape, gLogits, weight, gFeatures),
      outputs: [{
        tensor: gFeatures,
        expected: expected.gradInput,
        read: (values) => fromNhwc(values, xShape),
      }],
    },
    {
      dispatch: recordLinearWeightGradient(
        shape,
        features,
        gLogits,
        range(gWeight),
        range(gBias),
      ),
      outputs: [
        {
          tensor: gWeight,
          expected: expected.gradWeight,
          read: (values) => fromKernelLayout(values, wShape),
        },
        {
          tensor: gBias,
          expected: expected.gradBias,
          read: (values) => channelsOf(values, 0, outputs),
        },
      ],
    },
  ];
}

/** More rows than a workgroup has threads, more heads than a mask word has bits, closed heads. */
function headCases(tensors: CaseTensors): KernelCase[] {
  const random = Random.stream(0, "self-test heads");
  const [rows, heads] = [70, 35];
  const shape: Shape4 = [rows, heads, 1, 1];
  const values = normals(random, rows * heads, { deviation: 3 });
  const labels = Array.from({ length: rows }, () => random.below(heads));
  const masks = [0, 1].map((mask) =>
    new Set([...Array(heads).keys()].filter((head) => mask === 0 || head % 3 !== 0))
  );
  const maskOf = labels.map((label) => masks[1].has(label) ? 1 : 0);
  const weights = labels.map(() => Math.fround(random.uniform()));
  const batch = new BatchRecord(tensors.arena, { maxRows: rows, maxMasks: 2, heads });
  const row = { source: 0, index: 0, top: 0, left: 0, flip: false, slot: -1 };
  batch.write(
    { lossSlot: 1, learningRate: 0 },
    labels.map((label, i) => ({ ...row, label, mask: maskOf[i], weight: weights[i] })),
    masks,
  );
  const isOpen = (mask: number) => Array.from({ length: heads }, (_, h) => masks[mask].has(h));
  const expected = labels.map((label, i) =>
    crossEntropy(values.slice(i * heads, (i + 1) * heads), [label], heads, {
      open: isOpen(maskOf[i]),
      rowWeights: [weights[i]],
    })
  );
  const counted = new Uint32Array(2 * heads * heads);
  argmax(values, heads, isOpen(1)).forEach((head, i) =>
    counted[(heads + labels[i]) * heads + head]++
  );

  const logits = tensors.f32(toNhwc(values, shape));
  const gLogits = tensors.output(nhwcLength(shape));
  const rowLosses = tensors.output(rows);
  const losses = tensors.output(4);
  const counts = tensors.u32(new Uint32Array(2 * heads * heads));
  return [
    {
      dispatch: recordCrossEntropy({
        rows,
        heads,
        batch: batch.tensor,
        logits,
        gLogits,
        rowLosses,
        losses,
      }),
      outputs: [
        {
          tensor: gLogits,
          expected: join(expected.map(({ gradLogits }) => gradLogits)),
          read: (read) => fromNhwc(read, shape),
        },
        {
          tensor: losses,
          expected: [expected.reduce((sum, { loss }) => sum + loss, 0)],
          read: (read) => [read[1]],
        },
        { tensor: rowLosses, expected: expected.map(({ loss }) => loss) },
      ],
    },
    {
      dispatch: recordPredict({
        rows,
        heads,
        mask: 1,
        offset: heads,
        batch: batch.tensor,
        logits,
        counts,
      }),
      outputs: [{ tensor: counts, expected: counted }],
      exact: true,
    },
  ];
}
