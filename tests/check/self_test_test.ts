/** The self-test must name a broken kernel, and no other. */

import assert from "node:assert/strict";
import { selfTest } from "../../src/check/self_test.ts";
import type { Stem } from "../../src/net/resnet18.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";
import { gpuTests } from "../support/gpu.ts";

const test = await gpuTests();

/** The shader file of a kernel: variants share one. */
const fileOf = (kernel: string) => kernel.replace(/(_subgroup)?(_f16)?$/, "");

/** A kernel's name without its way of storing activations. */
const withoutStorage = (kernel: string) => kernel.replace(/_f16$/, "");

/** Kernels in `shaders/`: files with an entry point; the others are appended to them. */
function shaderFiles(): string[] {
  const folder = new URL("../../shaders/", import.meta.url);
  return [...Deno.readDirSync(folder)]
    .filter(({ name }) => name.endsWith(".wgsl"))
    .filter(({ name }) => Deno.readTextFileSync(new URL(name, folder)).includes("@compute"))
    .map(({ name }) => name.replace(/\.wgsl$/, ""))
    .sort();
}

test("the self-test runs every kernel of shaders/, and all are right here", async (gpu) => {
  const checks = await selfTest(gpu);
  assert.deepEqual([...new Set(checks.map(({ kernel }) => fileOf(kernel)))].sort(), shaderFiles());
  assert.deepEqual(checks.filter(({ ok }) => !ok), []);
});

test("kernels that do nothing are all found wrong", async (gpu) => {
  const idle = (kernel: Kernel): Kernel => {
    const code = kernel.code.replace(/(fn main\([^{]*\{)/, "$1\n  if (true) { return; }");
    assert.notEqual(code, kernel.code, kernel.name);
    return { ...kernel, code };
  };
  const checks = await selfTest(gpu, ["f32", "f16"], idle);
  assert.deepEqual(checks.filter(({ ok }) => ok), []);
});

/** Small mistakes, one in each kernel and its f16 variant: text and what it becomes. */
const mistakes: Readonly<Record<string, readonly [string, string]>> = {
  augment: ["dims.width - 1u - x", "dims.width - 2u - x"],
  store_images: ["&& rowWord(row, ROW_SOURCE) == dims.source", ""],
  conv2d_weight_gradient_reduce: ["chunk < layer.w", "chunk + 1u < layer.w"],
  batch_norm_statistics: ["- sums.a * sums.a / n", ""],
  batch_norm_finalize: ["(moments.n - 1.0)", "moments.n"],
  batch_norm_inference: ["+ EPSILON", ""],
  batch_norm_apply: ["value += widen(residual[i])", "value -= widen(residual[i])"],
  batch_norm_backward_reduce: ["widen(y[i]) > vec4f()", "widen(y[i]) >= vec4f()"],
  batch_norm_backward_apply: ["- b - d * centered", "- d * centered"],
  cross_entropy: ["weight * (log(sum) + (highest - ofLabel))", "weight * (log(sum) - ofLabel)"],
  mse: ["lossSlot()] += sum", "lossSlot()] = sum"],
  store_logits: ["slot * dims.width + i % dims.width", "slot * dims.width"],
  predict: ["logits[base + h]", "logits[base + h % 32u]"],
  sgd_masked: ["mask[i] == 0u", "false"],
  largest: ["mask[i] == 0u", "false"],
};

test("a small mistake in a kernel is found, and the kernel named", async (gpu) => {
  const checks = await selfTest(gpu, ["f32", "f16"], (kernel) => {
    const [right, wrong] = mistakes[withoutStorage(kernel.name)] ?? ["", ""];
    assert(kernel.code.includes(right), `${kernel.name} has no "${right}": adapt this test`);
    return { ...kernel, code: kernel.code.replace(right, wrong) };
  });
  const wrong = checks.filter(({ ok }) => !ok);
  const mistaken = checks.filter(({ kernel }) => withoutStorage(kernel) in mistakes);
  assert.deepEqual(wrong, mistaken);
  const names = new Set(wrong.map(({ kernel }) => withoutStorage(kernel)));
  assert.deepEqual([...names].sort(), Object.keys(mistakes).sort());
  assert(wrong.every(({ error, limit, problem }) => error > limit && problem === null));
});

test("a kernel that computes no number in one of its cases is found, though the others are right", async (gpu) => {
  const broken = (kernel: Kernel): Kernel => {
    const code = kernel.code.replace(
      "sumGx *= inverseStd;",
      "sumGx *= inverseStd; if (MASK == 2u) { sumG = vec4f(bitcast<f32>(0x7fc00000u + dims.channels4)); }",
    );
    return kernel.name === "batch_norm_backward_reduce" ? { ...kernel, code } : kernel;
  };
  const wrong = (await selfTest(gpu, ["f32"], broken)).filter(({ ok }) => !ok);
  assert.deepEqual(wrong.map(({ kernel, error }) => [kernel, error]), [
    ["batch_norm_backward_reduce", Infinity],
  ]);
});

test("an overflow that f16 turns into a number is found", async (gpu) => {
  const hidden = (kernel: Kernel): Kernel => {
    const code = kernel.code.replace("vec4u(0x7e00u)", "vec4u(0x7bffu)");
    return kernel.name === "batch_norm_apply_f16" ? { ...kernel, code } : kernel;
  };
  const checks = await selfTest(gpu, ["f16"], hidden);
  const wrong = checks.filter(({ ok }) => !ok).map(({ kernel }) => kernel);
  assert.deepEqual(wrong, ["batch_norm_apply_f16"]);
});

test("kernels of the other way of storing, and of a stem that is not there, are not compiled", async (gpu) => {
  const names = async (storage: "f32" | "f16", stem?: Stem) => {
    const compiled: string[] = [];
    await selfTest(
      gpu,
      [storage],
      (kernel) => {
        compiled.push(kernel.name);
        return kernel;
      },
      undefined,
      stem,
    );
    return compiled;
  };
  assert.deepEqual((await names("f32")).filter((name) => name.endsWith("_f16")), []);
  const mixed = await names("f16");
  const both = mixed.filter((name) => mixed.includes(`${name}_f16`));
  assert.deepEqual(both, []);
  const cifar = new Set(await names("f16", "cifar"));
  const more = [...new Set(mixed)].filter((name) => !cifar.has(name));
  assert(more.every((name) => /stem|max_pool/.test(name)), more.join(", "));
  assert.equal(more.filter((name) => !name.includes("subgroup")).length, 4);
});

test("a kernel that does not compile is wrong, with the compiler's words", async (gpu) => {
  const checks = await selfTest(
    gpu,
    ["f32"],
    (kernel) => kernel.name === "predict" ? { ...kernel, code: "fn main() { nonsense" } : kernel,
  );
  const [{ kernel, problem }, ...others] = checks.filter(({ ok }) => !ok);
  assert.deepEqual([kernel, others], ["predict", []]);
  assert.match(problem!, /Cannot compile kernel predict/);
});
