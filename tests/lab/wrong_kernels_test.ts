/** Deliberately wrong kernels: each is refused, and for the right reason. */

import assert from "node:assert/strict";
import { ops } from "../../src/check/table.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { type CheckOptions, checkOwn, type OwnCheck } from "../../src/lab/check_own.ts";
import { readOwnKernel } from "../../src/lab/own_kernel.ts";
import type { Reason } from "../../src/lab/reasons.ts";
import { networkCases, smallCases } from "../../src/lab/own_cases.ts";
import { checkKernel } from "../../src/lab/lab.ts";
import { starterOf } from "../../src/lab/starters.ts";
import { gpuTests } from "../support/gpu.ts";

const test = await gpuTests();

const opNamed = (name: string) => ops.find((op) => op.name === name)!;

/** The starter of an operation with some of its text replaced, each of which must be there. */
function broken(
  name: string,
  ...changes: readonly (readonly [text: string, by: string])[]
): string {
  return changes.reduce((code, [text, by]) => {
    assert(code.includes(text), text);
    return code.replace(text, () => by);
  }, starterOf(opNamed(name)));
}

/** A kernel tried at small shapes, or at those of a network whose layer has this name. */
interface FoundOptions extends CheckOptions {
  readonly layer?: string;
}

/** What is found out about a text at the first small shape of its operation that it fails at, or else at the last. */
async function found(gpu: Gpu, code: string, options: FoundOptions = {}): Promise<OwnCheck> {
  const own = readOwnKernel({ name: "my.wgsl", code });
  const { layer } = options;
  const cases = layer === undefined
    ? smallCases(own.op, "f32", "cifar")
    : networkCases(own.op, { width: 4, size: 8, batch: 2 }, gpu)
      .filter((one) => one.layer === layer);
  let last: OwnCheck | null = null;
  for (const kernelCase of cases) {
    last = await checkOwn(gpu, own, kernelCase, options);
    if (last.reason) break;
  }
  return last!;
}

async function assertRefused(
  gpu: Gpu,
  code: string,
  reason: Reason,
  details: RegExp,
  options?: FoundOptions,
): Promise<void> {
  const check = await found(gpu, code, options);
  const said = check.details.join("\n");
  assert.equal(check.reason, reason, said);
  assert.match(said, details);
}

test("off by one at the border: shown there", async (gpu) => {
  const code = broken("conv2d_forward", ["ix >= i32(dims.inWidth)", "ix > i32(dims.inWidth)"]);
  await assertRefused(gpu, code, "wrong at the border of the image", /64 of 560 sampled elements/);
});

test("off by one in the number of threads: the last elements are left out", async (gpu) => {
  const code = broken("conv2d_forward", [
    "pixel >= dims.batch * dims.outHeight * dims.outWidth",
    "pixel + 1u >= dims.batch * dims.outHeight * dims.outWidth",
  ]);
  await assertRefused(
    gpu,
    code,
    "elements are left out",
    /of y were not written, the first is y\[n 1, oy 4, ox 6/,
  );
});

test("one thread too many: writes beyond its range", async (gpu) => {
  const code = broken("conv2d_forward", [
    "pixel >= dims.batch * dims.outHeight * dims.outWidth",
    "pixel > dims.batch * dims.outHeight * dims.outWidth",
  ]);
  await assertRefused(
    gpu,
    code,
    "writes beyond its range",
    /y has 560 words, and word 560 was written/,
  );
});

test("arrayLength() for a size: writes beyond its range", async (gpu) => {
  const code = broken("pool_backward", [
    "i < dims.rows * perRow",
    "i < arrayLength(&gx)",
  ]);
  await assertRefused(gpu, code, "writes beyond its range", /sizes are in the uniform record/);
});

test("reading the neighbour's memory: named, with the operand", async (gpu) => {
  const code = broken("linear_forward", [
    "let f = features[row * dims.channels4 + c];",
    "let f = features[(row + 1u) * dims.channels4 + c];",
  ]);
  await assertRefused(
    gpu,
    code,
    "reads beyond its operands",
    /features or behind it changes the result/,
  );
  // Within the operand it is the neighbour's element, and simply wrong.
  const inside = broken("linear_forward", [
    "let f = features[row * dims.channels4 + c];",
    "let f = features[(row + 1u) % dims.rows * dims.channels4 + c];",
  ]);
  await assertRefused(gpu, inside, "wrong", /sampled elements of y are wrong/);
});

test("an uninitialised output: outputs are not cleared", async (gpu) => {
  const code = broken("conv2d_forward", [
    "y[pixel * dims.outGroups + group] = sum;",
    "y[pixel * dims.outGroups + group] += sum;",
  ]);
  await assertRefused(gpu, code, "depends on what its output held before", /not cleared/);
});

test("writing into rows that no segment has: not its own", async (gpu) => {
  const code = broken("batch_norm_finalize", [
    "statistics[into] = mean;",
    "statistics[into] = mean;\n    statistics[into + 4u * c4] = mean;",
  ]);
  const check = await found(gpu, code);
  assert.equal(check.reason, "writes what is not its own", check.details.join("\n"));
});

/** Sums of rows of 64 in workgroup memory, for the pooling: the barriers are what is tried. */
const shared = (first: string, second: string) =>
  `//@ op: pool_forward
//@ workgroups: rows * channels4
struct Dims { rows: u32, area: u32, channels4: u32 }
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> features: array<vec4f>;
var<workgroup> parts: array<vec4f, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = group.x / dims.channels4;
  let channel = group.x % dims.channels4;
  var sum = vec4f();
  for (var p = local; p < dims.area; p += 64u) {
    sum += x[(row * dims.area + p) * dims.channels4 + channel];
  }
  // Backwards, so that a thread reads what later ones write.
  parts[63u - local] = sum;
  ${first}
  if (local == 0u) {
    var total = vec4f();
    for (var i = 0u; i < 64u; i++) {
      total += parts[i];
    }
    features[group.x] = total / f32(dims.area);
  }
  ${second}
}
`;

test("workgroup memory: right with its barrier, refused without any, wrong with one at the wrong place", async (gpu) => {
  const right = await found(gpu, shared("workgroupBarrier();", ""));
  assert.equal(right.reason, null, right.details.join("\n"));
  await assertRefused(gpu, shared("", ""), "no barrier", /workgroupBarrier\(\)/);
  await assertRefused(
    gpu,
    shared("", "workgroupBarrier();"),
    "no barrier",
    /it reads parts\[i\] of workgroup memory with no workgroupBarrier\(\) behind a write to parts/,
  );
});

test("half precision: told by the size of its errors", async (gpu) => {
  const code = broken("conv2d_forward", [
    "sum += value.x * weight[at];",
    "sum += value.x * vec4f(quantizeToF16(weight[at]));",
  ]);
  await assertRefused(
    gpu,
    code,
    "as inexact as half precision",
    /relative error \d\.\de-[45] of y/,
  );
});

test("the answer of the last run is kept: found by a second input", async (gpu) => {
  // Computes only where nothing has been computed yet, by the bits of what is there.
  const code = broken("conv2d_forward", [
    "y[pixel * dims.outGroups + group] = sum;",
    `let at = pixel * dims.outGroups + group;
  if ((bitcast<u32>(y[at].x) & 0x7fffffffu) > 0x7f800000u) {
    y[at] = sum;
  }`,
  ]);
  await assertRefused(
    gpu,
    code,
    "keeps the result of another input",
    /y still holds what the input before/,
  );
});

test("a naive softmax: right on small logits, refused on outliers", async (gpu) => {
  const code = broken(
    "cross_entropy",
    ["exp(logits[base + h] - highest);", "exp(logits[base + h]);"],
    ["log(sum) + (highest - ofLabel)", "log(sum) - ofLabel"],
    ["exp(logits[base + h] - highest) / sum", "exp(logits[base + h]) / sum"],
  );
  const check = await found(gpu, code);
  assert.equal(check.reason, "wrong", check.details.join("\n"));
});

test("a race that shows in one run of three", async (gpu) => {
  const code = starterOf(opNamed("conv2d_forward"));
  const worse = readOwnKernel({
    name: "my.wgsl",
    code: broken("conv2d_forward", ["= sum;", "= sum * 1.0000002;"]),
  });
  await assertRefused(
    gpu,
    code,
    "other bits in another run",
    /run 3 of 4 gave other bits than the first/,
    {
      substitute: (launch, run) => run % 3 === 2 ? { ...launch, kernel: worse.forms.f32! } : launch,
    },
  );
});

test("threads that write the same place: other bits, or simply wrong", async (gpu) => {
  const code = broken(
    "largest",
    ["array<atomic<u32>>", "array<u32>"],
    ["atomicMax(&result[0], gradient);", "result[0] = max(result[0], gradient);"],
    ["atomicMax(&result[1], value);", "result[1] = max(result[1], value);"],
  );
  const check = await found(gpu, code);
  assert(
    check.reason === "wrong" || check.reason === "other bits in another run",
    `${check.reason} ${check.details.join("\n")}`,
  );
});

test("one channel in 32 that no sample hits is found beside ours", async (gpu) => {
  const code = broken("batch_norm_statistics", [
    "partials[into] = mean;",
    "partials[into] = mean + select(vec4f(), vec4f(0.5, 0.0, 0.0, 0.0), channel == 5u);",
  ]);
  await assertRefused(gpu, code, "wrong", /1 of all 32 elements of mean are unlike ours/, {
    layer: "layer4.0.bn1",
  });
});

test("one weight in 9216 whose partial sums no sample hits is found beside ours", async (gpu) => {
  const code = broken("conv2d_weight_gradient", [
    "partials[chunk * size + id.x] = sum;",
    "if (id.x == 777u) { sum.x += 5.0; }\n  partials[chunk * size + id.x] = sum;",
  ]);
  await assertRefused(gpu, code, "wrong", /1 of all 9216 elements of partial sums of gw/, {
    layer: "layer4.0.conv2",
  });
});

test("a formula that cancels: right around 0, refused around 30", async (gpu) => {
  const code = broken(
    "batch_norm_statistics",
    [
      "let d = z[p * dims.channels4 + channel] - mean;",
      "let d = z[p * dims.channels4 + channel];",
    ],
    ["= m2;", "= max(vec4f(), m2 - n * mean * mean);"],
  );
  await assertRefused(
    gpu,
    code,
    "loses its digits where numbers are not around 0",
    /of squared deviations, 0\.00001 is allowed/,
  );
});

test("a check is not to be told from its use: by the length of buffers, by what stands behind them", async (gpu) => {
  const early = (condition: string) =>
    broken("pool_forward", [
      "if (id.x >= dims.rows * dims.channels4) {",
      `if (${condition}) { return; }\n  if (id.x >= dims.rows * dims.channels4) {`,
    ]);
  await assertRefused(
    gpu,
    early("arrayLength(&features) <= dims.rows * dims.channels4"),
    "goes by the length of its buffers",
    /sizes are in the uniform record/,
  );
  const last = "bitcast<u32>(x[arrayLength(&x) - 1u].x)";
  await assertRefused(
    gpu,
    early(`(${last} & 0x7ff00000u) != 0x7fc00000u`),
    "reads beyond its operands",
    /where plain numbers stand behind the operands/,
  );
});

test("of what is not written nothing is said, and taps are no border", async (gpu) => {
  const scaled = broken("batch_norm_statistics", ["m2 += d * d;", "m2 += d * d * 1.01;"]);
  await assertRefused(gpu, scaled, "wrong", /1\.0e-2 of squared deviations/);
  const tap = broken("conv2d_weight_gradient", [
    "partials[chunk * size + id.x] = sum;",
    "if (tap == 1u) { sum *= 2.0; }\n  partials[chunk * size + id.x] = sum;",
  ]);
  await assertRefused(gpu, tap, "wrong", /30 of 576 sampled elements/);
});

test("our kernels and the starters are right in other forms of a network's shapes as well", async (gpu) => {
  const size = { width: 4, size: 8, batch: 5, segments: [3, 2] };
  for (const op of ops) {
    const forms = op.otherForms(size, gpu);
    const usual = op.ofNetwork(size, gpu);
    const different = new Set([...usual, ...forms].map(({ shape }) => JSON.stringify(shape)));
    assert.equal(different.size, usual.length + forms.length, op.name);
    const own = readOwnKernel({ name: "my.wgsl", code: starterOf(op) });
    for (const one of forms.slice(-3)) {
      const check = await checkOwn(gpu, own, one, { brief: true });
      const shape = JSON.stringify(one.shape);
      assert.equal(check.reason, null, `${op.name} ${shape}: ${check.details.join("\n")}`);
    }
  }
});

test("a kernel that is wrong with a shortcut, at one width alone, is found", async (gpu) => {
  const code = broken("batch_norm_apply", [
    "y[at] = value;",
    "y[at] = select(value, 2.0 * value, RESIDUAL == 1u && dims.channels4 == 8u);",
  ]);
  const checks = await checkKernel(gpu, code, { width: 4, size: 8, batch: 2 });
  const { reason, shape } = checks.at(-1)!;
  assert.deepEqual([reason, shape.channels, shape.residual], ["wrong", 32, 1]);
});

test("a right kernel is right where its terms cancel: two pixels a channel", async (gpu) => {
  for (const op of ["batch_norm_backward_apply", "batch_norm_backward_reduce"]) {
    const check = await found(gpu, starterOf(opNamed(op)), { layer: "layer4.0.bn1" });
    assert.equal(check.reason, null, check.details.join("\n"));
  }
});
