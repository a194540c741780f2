/** Deliberately wrong kernels: each is refused, and for the right reason. */

import assert from "node:assert/strict";
import { ops } from "../../src/check/table.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { type CheckOptions, checkOwn, type OwnCheck } from "../../src/lab/check_own.ts";
import { readOwnKernel } from "../../src/lab/own_kernel.ts";
import type { Reason } from "../../src/lab/reasons.ts";
import { smallCases } from "../../src/lab/own_cases.ts";
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

/** What is found out about a text at the first small shape of its operation that it fails at, or else at the last. */
async function found(gpu: Gpu, code: string, options?: CheckOptions): Promise<OwnCheck> {
  const own = readOwnKernel({ name: "my.wgsl", code });
  let last: OwnCheck | null = null;
  for (const kernelCase of smallCases(own.op, "f32", "cifar")) {
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
  options?: CheckOptions,
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
    "wrong",
    /is there a workgroupBarrier\(\) between every write and the reads of other threads/,
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
