/** The parts of the benches that need no GPU, and `bench custom` on kernels that are right, wrong and broken. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { compareResults } from "../../bench/compare.ts";
import {
  benchCustom,
  compareWithLast,
  type CustomResult,
  parseShape,
  verdict,
} from "../../bench/custom.ts";
import { evaluateExpression, splitAtCommas } from "../../src/lab/expression.ts";
import { checkCase } from "../../src/check/check_case.ts";
import { Operands } from "../../src/check/operands.ts";
import { ops } from "../../src/check/table.ts";
import { conv2dCandidates } from "../../src/ops/conv2d_variants.ts";
import { figures, summarise } from "../../bench/measure.ts";
import { InputError } from "../../src/errors.ts";
import { gpuTests } from "../support/gpu.ts";

const test = await gpuTests();

function recorder() {
  const printed: string[] = [];
  return { printed, print: (text: string) => void printed.push(text), live: () => {} };
}

async function inFolder(use: (path: (name: string) => string) => Promise<void> | void) {
  const folder = Deno.makeTempDirSync();
  try {
    await use((name) => join(folder, name));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("expressions follow the usual rules, and say what they do not know", () => {
  const names = { batch: 5, outGroups: 3 };
  for (
    const [text, value] of [
      ["2 + 3 * 4", 14],
      ["(2 + 3) * 4 - -1", 21],
      ["ceil(batch * 10 / 64)", 1],
      ["max(batch, outGroups, 2) % 4", 1],
      ["7 / 2", 3.5],
    ] as const
  ) assert.equal(evaluateExpression(text, names), value, text);
  for (const text of ["", "2 +", "width", "ceil 3", "constructor(1)", "2 3", "1; 2"]) {
    assert.throws(() => evaluateExpression(text, names), InputError, text);
  }
  assert.deepEqual(splitAtCommas("max(1, 2), batch"), ["max(1, 2)", " batch"]);
});

Deno.test("medians, quartiles and figures", () => {
  assert.deepEqual(summarise([5, 1, 4, 2, 3]), { median: 3, low: 2, high: 4, least: 1, count: 5 });
  assert.deepEqual([1234, 12.345, 0.012345].map(figures), ["1234", "12.3", "0.0123"]);
});

Deno.test("there is no verdict of few rounds, and none within the noise", () => {
  const results = (ratios: readonly number[]) =>
    [{
      layers: 1,
      ...{ milliseconds: summarise(ratios), ours: summarise(ratios.map(() => 1)) },
      ratio: summarise(ratios),
    }] as unknown as CustomResult[];
  const [slow, fast] = [[2, 2.1, 2.2, 2.3, 2.4], [0.5, 0.5, 0.6, 0.6, 0.6]].map(results);
  const noisy = results([0.5, 0.8, 1.9, 2.3, 2.9]);
  assert.match(verdict(slow), /ours is 2\.20 times as fast/);
  assert.match(verdict(fast), /yours is 1\.67 times as fast/);
  assert.match(verdict(noisy), /no difference beyond the noise/);
  assert.match(verdict(results([0.99, 0.985, 0.985, 0.985, 0.99])), /no difference beyond/);
  assert.match(verdict(results([0.7, 0.8, 0.9, 0.97, 1.1])), /no difference beyond/);
  assert.match(verdict(results([2, 2.1])), /none by 2 rounds: noise cannot be told/);
  assert.match(compareWithLast(fast, slow), /0\.27 times as long/);
  assert.match(compareWithLast(noisy, slow), /no difference beyond the noise/);
  assert.match(compareWithLast(results([1]), slow), /too few rounds to tell \(1\)/);
});

Deno.test("compare pairs results, and fails on a slowdown", async () => {
  await inFolder((path) => {
    const line = (kernel: string, milliseconds: number) =>
      JSON.stringify({ bench: "kernels", kernel, width: 8, milliseconds }) + "\n";
    Deno.writeTextFileSync(path("a"), line("x", 1) + line("y", 2));
    Deno.writeTextFileSync(path("b"), line("y", 3) + line("x", 1));
    const output = recorder();
    assert.equal(compareResults([path("a"), path("b")], 1.6, output), true);
    assert.equal(compareResults([path("a"), path("b")], 1.1, output), false);
    assert.match(output.printed.join("\n"), /kernels y w8 +2\.00 +3\.00 +1\.50 !/);
    Deno.writeTextFileSync(path("c"), "no JSON");
    assert.throws(() => compareResults([path("a"), path("c")], null, output), InputError);
    assert.throws(() => compareResults([path("a"), path("missing")], null, output), InputError);
  });
});

Deno.test("shapes are named sizes", () => {
  const { inputChannels, outputHeight, rows } = parseShape("in=8,stride=2,size=7");
  assert.deepEqual([inputChannels, outputHeight, rows], [8, 4, 32]);
  for (const text of ["depth=3", "in", "in=0", "kernel=2"]) {
    assert.throws(() => parseShape(text), InputError, text);
  }
});

test("the references of the table agree with the kernels at the shapes of a network", async (gpu) => {
  const size = { width: 8, size: 8, batch: 3 };
  for (const kernelCase of ops.flatMap((op) => op.ofNetwork(size, gpu))) {
    const { op, layer, task, tolerance } = kernelCase;
    const variants = task ? conv2dCandidates(gpu, task.pass, task.layer, task.rows) : [undefined];
    const operands = new Operands(gpu);
    const { dispatches, outputs } = kernelCase.prepare(operands);
    for (const variant of variants) {
      operands.reset();
      const { error, ok } = await checkCase(gpu, dispatches(variant), outputs, tolerance);
      assert(ok, `${op} ${layer}: ${error}`);
    }
    operands.destroy();
  }
});

test("custom kernels are timed if right, and shown where they are wrong", async () => {
  const naive = `//@ workgroups: ceil(batch * outHeight * outWidth / 64), outGroups
//@ only: KERNEL = 1, STRIDE = 1
struct Dims { batch: u32, inHeight: u32, inWidth: u32, inGroups: u32, outHeight: u32, outWidth: u32, outGroups: u32 }
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= dims.batch * dims.outHeight * dims.outWidth) { return; }
  var sum = vec4f();
  for (var ci = 0u; ci < dims.inGroups; ci++) {
    let v = x[id.x * dims.inGroups + ci];
    let at = ci * 4u * dims.outGroups + id.y;
    sum += v.x * weight[at] + v.y * weight[at + dims.outGroups] + v.z * weight[at + 2u * dims.outGroups]
      + v.w * weight[at + 3u * dims.outGroups];
  }
  y[id.x * dims.outGroups + id.y] = sum;
}`;
  await inFolder(async (path) => {
    const run = async (code: string) => {
      Deno.writeTextFileSync(path("k.wgsl"), code);
      const output = recorder();
      const right = await benchCustom(
        {
          ...{ path: path("k.wgsl"), shape: "batch=1,size=9,in=4,out=8,kernel=1" },
          ...{ widths: [], sizes: [], batches: [], stem: "cifar", author: "me" },
          ...{ watch: false, rounds: 2, out: path("out"), provider: "deno" },
        },
        output,
      );
      return { right, text: output.printed.join("\n") };
    };
    const good = await run(naive);
    assert.equal(good.right, true);
    assert.match(good.text, /conv2d_forward: right at 1 shapes[^]*verdict: .*round by round/);
    const [line] = Deno.readTextFileSync(path("out/custom.jsonl")).split("\n");
    const { kernel, author, hash, check, shape } = JSON.parse(line);
    assert.deepEqual([kernel, author, shape.kernel], ["conv2d_forward", "me", 1]);
    assert.match(hash, /^[\da-f]{64}$/);
    assert(check.samples > 0 && check.error < 1e-5);
    const bad = await run(naive.replace("= sum;", "= select(sum, vec4f(7), id.y == 1u);"));
    assert.equal(bad.right, false);
    assert.match(
      bad.text,
      /REFUSED, not timed: wrong[^]*all of them, and no right one, at co = 4, 5, 6, 7/,
    );
    await assert.rejects(run(naive.replace("var sum", "var summ")), ({ message }: Error) => {
      assert.match(message, /k\.wgsl:\d+:\d+/);
      assert.equal(message.split("no definition in scope").length, 2, message);
      return true;
    });
    await assert.rejects(run(naive.replace("//@ work", "// work")), /how many workgroups it wants/);
    await assert.rejects(run(naive.replace("STRIDE = 1", "STRIDE = 3")), /leaves out every shape/);
    await assert.rejects(run(naive.replace("STRIDE = 1", "PACE = 3")), /PACE is not known/);
    await assert.rejects(
      run(naive.replaceAll("weight", "w")),
      /no operation binds just \[x, w, y \(written\)\]/,
    );
  });
});
