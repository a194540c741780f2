/** The 7x7 convolution of a stem against the double-precision twin, on odd random shapes; recorded: tests/fidelity. */

import assert from "node:assert/strict";
import { checkCase } from "../../src/check/check_case.ts";
import { Operands } from "../../src/check/operands.ts";
import {
  conv2dForward,
  conv2dWeightGradient,
  convolutionShape,
} from "../../src/check/ops/convolution.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { recordConv2dInputGradient, recordConv2dWeightGradient } from "../../src/ops/conv2d.ts";
import {
  conv2dCandidates,
  type Conv2dPass,
  conv2dWantsSubgroups,
  plainVariant,
} from "../../src/ops/conv2d_variants.ts";
import { Random } from "../../src/random.ts";
import { conv2dWeightGradient as twinGradient, type Shape4 } from "../../src/reference/conv2d.ts";
import { fromKernelLayout, fromNhwc } from "../../src/reference/layout.ts";
import { assertClose } from "../support/assert_close.ts";
import { assertSameBits, gpuTests, Workbench } from "../support/gpu.ts";
import { assertCase } from "../support/kernel_case.ts";

const test = await gpuTests();
const TOLERANCE = 2e-6;

function shapeOf(seed: number) {
  const random = Random.stream(seed, "stem shapes");
  const [rows, inputChannels, outputChannels, inputHeight, inputWidth] = [4, 6, 40, 20, 30]
    .map((most) => 1 + random.below(most));
  const sizes = { rows, inputChannels, outputChannels, inputHeight, inputWidth };
  return convolutionShape({ ...sizes, kernel: 7, stride: 2 });
}

for (const op of [conv2dForward, conv2dWeightGradient]) {
  test(`${op.name} of a stem agrees with the twin on odd random shapes`, async (gpu) => {
    for (let seed = 0; seed < 12; seed++) {
      for (const stored of ["f32", "f16"] as const) {
        await assertCase(gpu, op.at(shapeOf(seed), stored), TOLERANCE);
      }
    }
  });
}

/** What a pass leaves in each way of computing it. */
async function resultsOf(gpu: Gpu, pass: Conv2dPass, seed: number) {
  const op = pass === "forward" ? conv2dForward : conv2dWeightGradient;
  const kernelCase = op.at(shapeOf(seed));
  const operands = new Operands(gpu);
  try {
    const { dispatches, outputs } = kernelCase.prepare(operands);
    const results = [];
    for (const variant of conv2dCandidates(gpu, pass, shapeOf(seed), 4)) {
      operands.reset();
      const check = await checkCase(gpu, dispatches(variant), outputs, kernelCase.tolerance);
      results.push(check.whole[0]);
    }
    return results;
  } finally {
    operands.destroy();
  }
}

test("all ways to compute a stem give the same bits", async (gpu) => {
  for (const pass of ["forward", "weight_gradient"] as const) {
    for (let seed = 0; seed < 6; seed++) {
      const [first, ...others] = await resultsOf(gpu, pass, seed);
      if (pass === "forward" && conv2dWantsSubgroups(gpu)) assert(others.length > 0);
      for (const other of others) assertSameBits(other, first, `${pass} ${seed}`);
    }
  }
});

test("the weight gradient of a stem needs no more scratch than one set of weights", async (gpu) => {
  const { rows, ...layer } = shapeOf(1);
  const { inputChannels, outputChannels, inputHeight, inputWidth } = layer;
  const xShape: Shape4 = [rows, inputChannels, inputHeight, inputWidth];
  const gyShape: Shape4 = [rows, outputChannels, layer.outputHeight, layer.outputWidth];
  const wShape: Shape4 = [outputChannels, inputChannels, 7, 7];
  const padded = (channels: number) => Math.ceil(channels / 4) * 4;
  const length = ([n, c, h, w]: Shape4) => n * padded(c) * h * w;
  const set = 49 * padded(inputChannels) * padded(outputChannels);
  await Workbench.with(gpu, async (bench) => {
    const x = bench.values("x", length(xShape), { channels: inputChannels });
    const gy = bench.values("gy", length(gyShape), { channels: outputChannels });
    const expected = twinGradient(
      fromNhwc(gy, gyShape),
      fromNhwc(x, xShape),
      xShape,
      wShape,
      { stride: 2, padding: 3 },
    );
    for (const partials of [set, 2 * set + 4]) {
      const gradient = bench.f32(set);
      const tensors = {
        x: bench.f32(x),
        gy: bench.f32(gy),
        partials: bench.f32(partials),
        gradient,
      };
      await bench.run(recordConv2dWeightGradient({ layer, rows, ...tensors }));
      const [found] = await bench.read(gradient);
      const weights = fromKernelLayout(found, wShape);
      assertClose("stem weight gradient in little scratch", weights, expected, TOLERANCE);
    }
  });
});

test("the gradient of the input of a stem is refused", async (gpu) => {
  await Workbench.with(gpu, (bench) => {
    const { rows, ...layer } = shapeOf(1);
    const tensor = bench.f32(4);
    const variant = plainVariant("input_gradient", layer);
    const given = { layer, rows, gy: tensor, weight: tensor, addend: null, gx: tensor, variant };
    assert.throws(() => recordConv2dInputGradient(given), /the input of a stem/);
    return Promise.resolve();
  });
});
