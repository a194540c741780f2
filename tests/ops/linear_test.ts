/** Linear layer kernels against the twin. */

import {
  recordLinearForward,
  recordLinearInputGradient,
  recordLinearWeightGradient,
} from "../../src/ops/linear.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { range } from "../../src/gpu/tensor.ts";
import { Random } from "../../src/random.ts";
import { assertClose } from "../support/assert_close.ts";
import type { Shape4 } from "../../src/reference/conv2d.ts";
import { readGolden, readGoldenJson } from "../support/golden.ts";
import { linearBackward, linearForward, type LinearShape } from "../../src/reference/linear.ts";
import { gpuTests, Workbench } from "../support/gpu.ts";
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
} from "../../src/reference/layout.ts";

const test = await gpuTests();
const TOLERANCE = 2e-6;

interface Values {
  x: Float64Array;
  w: Float64Array;
  b: Float64Array;
  gy: Float64Array;
}

type Expected = Record<"y" | "gx" | "gw" | "gb", Float64Array>;

async function check(
  gpu: Gpu,
  { rows, inputs, outputs }: LinearShape,
  { x, w, b, gy }: Values,
  expected: Expected,
): Promise<void> {
  const [xShape, yShape]: Shape4[] = [[rows, inputs, 1, 1], [rows, outputs, 1, 1]];
  const wShape: Shape4 = [outputs, inputs, 1, 1];
  await Workbench.with(gpu, async (bench) => {
    const shape = { rows, channels4: padded(inputs) / 4, heads4: padded(outputs) / 4 };
    const features = bench.f32(toNhwc(x, xShape));
    const gLogits = bench.f32(toNhwc(gy, yShape));
    const weight = bench.f32(toKernelLayout(w, wShape));
    const bias = bench.f32(toChannels(b));
    const logits = bench.f32(nhwcLength(yShape));
    const gFeatures = bench.f32(nhwcLength(xShape));
    const gWeight = bench.f32(weight.length);
    const gBias = bench.f32(bias.length);
    await bench.run([
      recordLinearForward(shape, features, range(weight), range(bias), logits),
      recordLinearInputGradient(shape, gLogits, range(weight), gFeatures),
      recordLinearWeightGradient(shape, features, gLogits, range(gWeight), range(gBias)),
    ]);
    const read = await bench.read(logits, gFeatures, gWeight, gBias);
    const close = (what: string, found: Float64Array, wanted: Float64Array) =>
      assertClose(`linear ${what}`, found, wanted, TOLERANCE);
    close("forward", fromNhwc(read[0], yShape), expected.y);
    close("input gradient", fromNhwc(read[1], xShape), expected.gx);
    close("weight gradient", fromKernelLayout(read[2], wShape), expected.gw);
    close("bias gradient", channelsOf(read[3], 0, outputs), expected.gb);
  });
}

const file = await readGolden("ops");
for (const { name, op } of (await readGoldenJson("ops")).cases) {
  if (op !== "linear") continue;
  test(`linear gives the recorded results of ${name}`, async (gpu) => {
    const get = (part: string) => file.get(`${name}/${part}`).data;
    const [rows, inputs] = file.get(`${name}/x`).shape;
    const outputs = get("b").length;
    await check(
      gpu,
      { rows, inputs, outputs },
      { x: get("x"), w: get("w"), b: get("b"), gy: get("gy") },
      { y: get("y"), gx: get("gx"), gw: get("gw"), gb: get("gb") },
    );
  });
}

test("linear agrees with the twin on odd random shapes", async (gpu) => {
  for (let seed = 0; seed < 12; seed++) {
    const random = Random.stream(seed, "linear test");
    const shape = {
      rows: 1 + random.below(40),
      inputs: 1 + random.below(90),
      outputs: 1 + random.below(50),
    };
    const { rows, inputs, outputs } = shape;
    const values = {
      x: normals(random, rows * inputs),
      w: normals(random, outputs * inputs),
      b: normals(random, outputs),
      gy: normals(random, rows * outputs),
    };
    const { gradInput, gradWeight, gradBias } = linearBackward(
      values.gy,
      values.x,
      values.w,
      shape,
    );
    await check(gpu, shape, values, {
      y: linearForward(values.x, values.w, values.b, shape),
      gx: gradInput,
      gw: gradWeight,
      gb: gradBias,
    });
  }
});
