/** Convolution kernels against the double-precision twin, on recorded and on odd random shapes. */

import assert from "node:assert/strict";
import {
  conv2dPartials,
  recordConv2dForward,
  recordConv2dInputGradient,
  recordConv2dPartialSums,
  recordConv2dSums,
  recordConv2dWeightGradient,
} from "../../src/ops/conv2d.ts";
import {
  type Conv2dPass,
  type Conv2dShape,
  type Conv2dVariant,
  conv2dWantsSubgroups,
  plainVariant,
  variantName,
} from "../../src/ops/conv2d_variants.ts";
import { Random } from "../../src/random.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { range } from "../../src/gpu/tensor.ts";
import { assertClose } from "../support/assert_close.ts";
import {
  conv2dForward,
  conv2dInputGradient,
  conv2dOutputShape,
  conv2dWeightGradient,
  type Shape4,
} from "../../src/reference/conv2d.ts";
import { readGolden, readGoldenJson } from "../support/golden.ts";
import type { StoredType } from "../../src/ops/storage.ts";
import { assertStored, gpuTests, storable, Workbench } from "../support/gpu.ts";
import {
  fromKernelLayout,
  fromNhwc,
  nhwcLength,
  normals,
  padded,
  toKernelLayout,
  toNhwc,
} from "../../src/reference/layout.ts";

const test = await gpuTests();
const TOLERANCE = 2e-6;

interface Problem {
  x: Float64Array;
  xShape: Shape4;
  w: Float64Array;
  wShape: Shape4;
  gy: Float64Array;
  stride: 1 | 2;
}

/** What the kernels give, in the twin's layouts; the input gradient also with an addend. */
interface Results {
  y: Float64Array;
  gx: Float64Array;
  gxPlus: Float64Array;
  gw: Float64Array;
}

function outputShape({ xShape, wShape, stride }: Problem): Shape4 {
  return conv2dOutputShape(xShape, wShape, { stride, padding: (wShape[2] - 1) / 2 });
}

function layerOf(problem: Problem): Conv2dShape {
  const { xShape, wShape, stride } = problem;
  const [, outputChannels, outputHeight, outputWidth] = outputShape(problem);
  return {
    inputChannels: xShape[1],
    outputChannels,
    kernel: wShape[2] as 1 | 3,
    stride,
    inputHeight: xShape[2],
    inputWidth: xShape[3],
    outputHeight,
    outputWidth,
  };
}

/** How the passes are computed: in strips, with subgroups or without, or in tiles. */
type Kind = "strips" | "strips_subgroup" | Conv2dVariant;

function variantOf(kind: Kind, pass: Conv2dPass, layer: Conv2dShape): Conv2dVariant {
  if (typeof kind === "object") return kind;
  const plain = plainVariant(pass, layer);
  return kind === "strips" ? plain : { ...plain, subgroups: true } as Conv2dVariant;
}

interface Way {
  kind: Kind;
  /** Elements of scratch. */
  partials?: number;
  /** Of x and y. */
  type?: StoredType;
}

/** Everything on the adapter; outputs are full of NaN before. */
async function compute(
  gpu: Gpu,
  problem: Problem,
  { kind, partials, type = "f32" }: Way,
): Promise<Results> {
  let results: Results | undefined;
  await Workbench.with(gpu, async (bench) => {
    const layer = layerOf(problem);
    const rows = problem.xShape[0];
    const yShape = outputShape(problem);
    const x = bench.stored(type, toNhwc(problem.x, problem.xShape));
    const addend = bench.f32(toNhwc(problem.x, problem.xShape));
    const gy = bench.f32(toNhwc(problem.gy, yShape));
    const weight = bench.f32(toKernelLayout(problem.w, problem.wShape));
    const y = bench.stored(type, nhwcLength(yShape));
    const gx = bench.f32(nhwcLength(problem.xShape));
    const gxPlus = bench.f32(nhwcLength(problem.xShape));
    const gradient = bench.f32(weight.length);
    const scratch = bench.f32(partials ?? conv2dPartials(layer, rows));
    const way = (pass: Conv2dPass) => ({ layer, rows, variant: variantOf(kind, pass, layer) });
    await bench.run([
      ...recordConv2dForward({ ...way("forward"), x, weight, y }),
      ...recordConv2dInputGradient({ ...way("input_gradient"), gy, weight, addend: null, gx }),
      ...recordConv2dInputGradient({ ...way("input_gradient"), gy, weight, addend, gx: gxPlus }),
      ...recordConv2dWeightGradient({
        ...way("weight_gradient"),
        ...{ x, gy, partials: scratch, gradient },
      }),
    ]);
    const read = await bench.read(y, gx, gxPlus, gradient);
    results = {
      y: fromNhwc(read[0], yShape),
      gx: fromNhwc(read[1], problem.xShape),
      gxPlus: fromNhwc(read[2], problem.xShape),
      gw: fromKernelLayout(read[3], problem.wShape),
    };
  });
  return results!;
}

function check(
  found: Results,
  expected: Omit<Results, "gxPlus">,
  { x }: Problem,
  type: StoredType = "f32",
): void {
  assertStored(type, "conv2d forward", found.y, expected.y, TOLERANCE);
  assertClose("conv2d input gradient", found.gx, expected.gx, TOLERANCE);
  assertClose(
    "conv2d input gradient with addend",
    found.gxPlus,
    expected.gx.map((value, i) => value + x[i]),
    TOLERANCE,
  );
  assertClose("conv2d weight gradient", found.gw, expected.gw, TOLERANCE);
}

function twin({ x, xShape, w, wShape, gy, stride }: Problem): Omit<Results, "gxPlus"> {
  const options = { stride, padding: (wShape[2] - 1) / 2 };
  return {
    y: conv2dForward(x, xShape, w, wShape, options),
    gx: conv2dInputGradient(gy, xShape, w, wShape, options),
    gw: conv2dWeightGradient(gy, x, xShape, wShape, options),
  };
}

const tiles: readonly Conv2dVariant[] = [
  { kind: "tiles", rows: 64, columns: 64, perThread: 8 },
  { kind: "tiles", rows: 64, columns: 32, perThread: 4 },
  { kind: "tiles", rows: 16, columns: 8, perThread: 8 },
];

/** All kinds of kernels, of tiles one size a case: each takes seconds to compile on a CPU. */
function kinds(gpu: Gpu, index: number): Kind[] {
  const subgroups = conv2dWantsSubgroups(gpu) ? ["strips_subgroup" as const] : [];
  return ["strips", ...subgroups, tiles[index % tiles.length]];
}

const file = await readGolden("ops");
for (const [index, recorded] of (await readGoldenJson("ops")).cases.entries()) {
  const { name, op, kernel, stride } = recorded;
  // The network has no convolution of 7x7.
  if (op !== "conv2d" || kernel === 7) continue;
  test(`conv2d gives the recorded results of ${name}`, async (gpu) => {
    const { data: x, shape: xShape } = file.activation(`${name}/x`);
    const { data: w, shape: wShape } = file.activation(`${name}/w`);
    const problem = { x, xShape, w, wShape, gy: file.get(`${name}/gy`).data, stride };
    for (const kind of kinds(gpu, index)) {
      const expected = ["y", "gx", "gw"].map((part) => file.get(`${name}/${part}`).data);
      const found = await compute(gpu, problem, { kind });
      check(found, { y: expected[0], gx: expected[1], gw: expected[2] }, problem);
    }
  });
}

function randomProblem(seed: number): Problem {
  const random = Random.stream(seed, "conv2d test");
  const kernel = random.below(3) === 0 ? 1 : 3;
  const stride = random.below(2) === 0 ? 1 : 2;
  const size = () => 1 + random.below(random.below(2) === 0 ? 5 : 19);
  const channels = () => 1 + random.below(random.below(2) === 0 ? 6 : 40);
  const xShape: Shape4 = [1 + random.below(5), channels(), size(), size()];
  const wShape: Shape4 = [channels(), xShape[1], kernel, kernel];
  const x = normals(random, xShape.reduce((a, b) => a * b, 1));
  const w = normals(random, wShape.reduce((a, b) => a * b, 1));
  // Outliers, so that one value put in the wrong place cannot hide among the others.
  for (const values of [x, w]) values[random.below(values.length)] = 20;
  const problem = { x, xShape, w, wShape, gy: new Float64Array(), stride } as Problem;
  problem.gy = normals(random, outputShape(problem).reduce((a, b) => a * b, 1));
  return problem;
}

test("conv2d agrees with the twin on odd random shapes", async (gpu) => {
  for (let seed = 0; seed < 24; seed++) {
    const problem = randomProblem(seed);
    for (const type of ["f32", "f16"] as const) {
      problem.x = storable(type, problem.x);
      for (const kind of kinds(gpu, seed)) {
        check(await compute(gpu, problem, { kind, type }), twin(problem), problem, type);
      }
    }
  }
});

test("conv2d agrees with the twin on long thin images and on many channels", async (gpu) => {
  const shapes: [Shape4, number, 1 | 3, 1 | 2][] = [
    [[1, 3, 1, 33], 4, 3, 2],
    [[1, 3, 33, 1], 4, 3, 1],
    [[9, 1, 2, 3], 1, 3, 2],
    [[2, 64, 3, 3], 70, 1, 2],
    [[1, 70, 2, 5], 64, 3, 1],
    // 8 groups of output channels and more: weight gradients in subgroups.
    [[3, 5, 7, 6], 32, 3, 1],
    [[2, 9, 5, 9], 30, 3, 2],
    [[5, 16, 3, 4], 64, 1, 2],
    [[2, 33, 8, 8], 31, 1, 1],
    // At most 8 channels: two rows of the output at a time, here odd ones.
    [[2, 8, 7, 7], 8, 3, 1],
    [[3, 7, 1, 6], 5, 1, 1],
  ];
  for (const [index, [xShape, outputs, kernel, stride]] of shapes.entries()) {
    const random = Random.stream(index, "conv2d shapes");
    const wShape: Shape4 = [outputs, xShape[1], kernel, kernel];
    const values = (shape: Shape4) => normals(random, shape.reduce((a, b) => a * b, 1));
    const problem: Problem = {
      x: values(xShape),
      xShape,
      w: values(wShape),
      wShape,
      gy: new Float64Array(),
      stride,
    };
    problem.gy = values(outputShape(problem));
    for (const type of ["f32", "f16"] as const) {
      problem.x = storable(type, problem.x);
      for (const kind of kinds(gpu, index)) {
        check(await compute(gpu, problem, { kind, type }), twin(problem), problem, type);
      }
    }
  }
});

test("the weight gradient needs no more scratch than one set of weights", async (gpu) => {
  const problem = randomProblem(3);
  const sets = toKernelLayout(problem.w, problem.wShape).length;
  const expected = twin(problem).gw;
  for (const kind of kinds(gpu, 3)) {
    for (const partials of [sets, 2 * sets + 4]) {
      const { gw } = await compute(gpu, problem, { kind, partials });
      assertClose("conv2d weight gradient in little scratch", gw, expected, TOLERANCE);
    }
  }
});

test("conv2d gives the same bits each time", async (gpu) => {
  const problem = randomProblem(5);
  for (const type of ["f32", "f16"] as const) {
    for (const kind of kinds(gpu, 5)) {
      const first = await compute(gpu, problem, { kind, type });
      assert.deepEqual(await compute(gpu, problem, { kind, type }), first);
    }
  }
});

test("strips and tiles give the same bits", async (gpu) => {
  for (let seed = 0; seed < 12; seed++) {
    const problem = randomProblem(seed);
    const layer = layerOf(problem);
    const of = (kind: Kind) => compute(gpu, problem, { kind });
    const strips = await of("strips");
    // Strips of two rows take the rows of the kernel in another order.
    const forward = (variantOf("strips", "forward", layer) as { rows: number }).rows === 1;
    const backward = (variantOf("strips", "input_gradient", layer) as { rows: number }).rows === 1;
    for (const kind of kinds(gpu, seed)) {
      const found = await of(kind);
      const name = typeof kind === "object" ? variantName(kind) : kind;
      if (forward || kind === "strips_subgroup") assert.deepEqual(found.y, strips.y, name);
      if (backward || kind === "strips_subgroup") assert.deepEqual(found.gx, strips.gx, name);
      assert.deepEqual(found.gw, strips.gw, name);
    }
  }
});

test("a batch of more tiles than a launch may have is computed in strips", async (gpu) => {
  const layer = layerOf(randomProblem(0));
  const tile = tiles[0];
  await Workbench.with(gpu, (bench) => {
    const [x, weight] = [bench.f32(4), bench.f32(4)];
    const kernel = (rows: number) => {
      const given = { layer: { ...layer, outputHeight: 64, outputWidth: 64 }, rows, variant: tile };
      return recordConv2dForward({ ...given, x, weight, y: x })[0].kernel.name;
    };
    assert.equal(kernel(1023), "conv2d_forward_tiled");
    assert.equal(kernel(1024), "conv2d_forward");
    return Promise.resolve();
  });
});

test("weight gradients of more layers than one dispatch sums up", async (gpu) => {
  const random = Random.stream(11, "conv2d sums");
  // Many threads make many parts; from the fifteenth layer on a second dispatch is needed.
  const threads = 4096;
  await Workbench.with(gpu, async (bench) => {
    const problems = Array.from({ length: 17 }, (_, i): Problem => {
      const xShape: Shape4 = [2, 1 + i % 9, 4 + i % 3, 9];
      const wShape: Shape4 = [1 + 5 * i % 11, xShape[1], i % 2 ? 1 : 3, i % 2 ? 1 : 3];
      const problem = { xShape, wShape, stride: i % 4 === 3 ? 2 : 1 } as Problem;
      const values = (shape: Shape4) => normals(random, shape.reduce((a, b) => a * b, 1));
      const [x, w] = [values(xShape), values(wShape)];
      return { ...problem, x, w, gy: values(outputShape({ ...problem, x, w })) };
    });
    const lengths = problems.map((problem) =>
      Math.ceil(conv2dPartials(layerOf(problem), 2, threads) / 64) * 64
    );
    const sizes = problems.map(({ wShape: [o, i, k] }) => k * k * padded(i) * padded(o));
    const places = (list: number[]) =>
      list.map((_, i) => list.slice(0, i).reduce((a, b) => a + Math.ceil(b / 64) * 64, 0));
    const [partsAt, gradientAt] = [places(lengths), places(sizes)];
    const partials = bench.f32(partsAt.at(-1)! + lengths.at(-1)!);
    const gradients = bench.f32(gradientAt.at(-1)! + sizes.at(-1)!);
    const recorded = problems.map((problem, i) =>
      recordConv2dPartialSums({
        layer: layerOf(problem),
        rows: 2,
        threads,
        x: bench.f32(toNhwc(problem.x, problem.xShape)),
        gy: bench.f32(toNhwc(problem.gy, outputShape(problem))),
        partials: range(partials, partsAt[i], lengths[i]),
        gradient: range(gradients, gradientAt[i], sizes[i]),
      })
    );
    const sums = recorded.flatMap(({ sum }) => sum ?? []);
    const totals = recordConv2dSums(sums, partials, gradients);
    assert.equal(totals.length, 2);
    await bench.run([...recorded.map(({ dispatch }) => dispatch), ...totals]);
    const [read] = await bench.read(gradients);
    problems.forEach((problem, i) => {
      const found = read.subarray(gradientAt[i], gradientAt[i] + sizes[i]);
      const expected = twin(problem).gw;
      assertClose(
        "conv2d weight gradient",
        fromKernelLayout(found, problem.wShape),
        expected,
        TOLERANCE,
      );
    });
  });
});
