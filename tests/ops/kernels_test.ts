/** Every kernel of the list, on any machine: its text is whole, in the list once, and recorded by its own names. */

import assert from "node:assert/strict";
import type { Dispatch } from "../../src/gpu/dispatch.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { recordAugment } from "../../src/ops/augment.ts";
import * as norm from "../../src/ops/batch_norm.ts";
import * as conv from "../../src/ops/conv2d.ts";
import type { Conv2dShape, Conv2dVariant } from "../../src/ops/conv2d_variants.ts";
import { recordCrossEntropy } from "../../src/ops/cross_entropy.ts";
import { kernels } from "../../src/ops/kernels.ts";
import { recordLargest } from "../../src/ops/largest.ts";
import * as linear from "../../src/ops/linear.ts";
import { recordMaxPoolBackward, recordMaxPoolForward } from "../../src/ops/max_pool.ts";
import { recordMse } from "../../src/ops/mse.ts";
import { recordPoolBackward, recordPoolForward } from "../../src/ops/pool.ts";
import { recordPredict } from "../../src/ops/predict.ts";
import { recordSgd } from "../../src/ops/sgd.ts";
import { libraries } from "../../src/ops/shader.ts";
import type { StoredType } from "../../src/ops/storage.ts";
import { recordStoreImages } from "../../src/ops/store_images.ts";
import { recordStoreLogits } from "../../src/ops/store_logits.ts";

const folder = new URL("../../shaders/", import.meta.url);

/** Names of the WGSL files in a folder. */
const filesOf = (url: URL) =>
  [...Deno.readDirSync(url)].map(({ name }) => name).filter((name) => name.endsWith(".wgsl"));

const text = (name: string) => Deno.readTextFileSync(new URL(name, folder));

Deno.test("every file of shaders is a kernel of the list, or a library that a kernel needs", () => {
  const used = new Set(kernels.flatMap(({ files }) => files.slice(1).map(({ name }) => name)));
  const own = new Set(
    kernels.map(({ name }) => `${name.replace(/(_subgroup)?(_f16)?$/, "")}.wgsl`),
  );
  assert.deepEqual([...own].sort(), filesOf(folder).sort());
  const lib = filesOf(new URL("lib/", folder)).map((name) => `lib/${name}`);
  assert.deepEqual([...used].sort(), lib.sort());
  assert.deepEqual(Object.keys(libraries).map((name) => `${name}.wgsl`).sort(), lib);
  for (const [name, code] of Object.entries(libraries)) assert.equal(code, text(`${name}.wgsl`));
});

Deno.test("kernels have names of their own, and hold all that their files say they need", () => {
  assert.equal(new Set(kernels.map(({ name }) => name)).size, kernels.length);
  assert.equal(new Set(kernels.map(({ code }) => code)).size, kernels.length);
  for (const { name, code, files } of kernels) {
    const own = text(`${name.replace(/(_subgroup)?(_f16)?$/, "")}.wgsl`);
    assert(code.startsWith(own), name);
    assert.equal(files.length, 1 + new Set(files.slice(1).map((file) => file.name)).size, name);
    for (const { name: file } of files.slice(1)) {
      assert(code.includes(text(file)), `${name} ${file}`);
    }
  }
});

Deno.test("lengths of arrays in workgroup memory have names, which the compiler of Deno 2.9 needs", () => {
  for (const { name, code } of kernels) {
    for (const [, type] of code.matchAll(/^var<workgroup> \w+: (.*);/gm)) {
      assert.match(type, /^array<\w+, \w+>$/, name);
    }
  }
});

Deno.test("names in the kernels are written in one style", () => {
  for (const { name, bindings, constants } of kernels) {
    for (const { name: binding } of bindings) assert.match(binding, /^[a-z][a-zA-Z0-9]*$/, name);
    for (const { name: constant } of constants) assert.match(constant, /^[A-Z][A-Z0-9_]*$/, name);
    for (const { layout } of bindings) {
      const fields = layout.kind === "struct" ? layout.fields : [];
      for (const field of fields) assert.match(field.name, /^[a-z][a-zA-Z0-9]*$/, name);
    }
  }
});

Deno.test("a name is a binding of one kind of number in all kernels", () => {
  const types = new Map<string, Set<string>>();
  for (const { name, bindings } of kernels) {
    for (const { name: binding, access, layout } of bindings) {
      if (access === "uniform") assert.equal(binding, "dims", name);
      if (access === "uniform" || /_f16$|^largest$/.test(name)) continue;
      let element = layout;
      while (element.kind === "list") element = element.element;
      assert(element.kind === "scalar");
      types.set(binding, (types.get(binding) ?? new Set()).add(element.scalar));
    }
  }
  for (const [name, found] of types) assert.equal(found.size, 1, `${name} is ${[...found]}`);
});

/** A tensor without a buffer: recorders only look at what it holds. */
function tensor(type: Tensor["type"], length = 4096): Tensor {
  return { label: type, shape: [1, length], type, buffer: {} as GPUBuffer, length };
}

const [f32, u32] = [tensor("f32"), tensor("u32")];
const state = { tensor: f32, offset: 0, size: 64 };

const shared = { label: "test", shape: { channels4: 2, segments: [6, 10] } };
const ofNorm = { ...shared, affine: state, running: state, statistics: f32 };
const loss = { rows: 2, heads: 5, batch: u32, logits: f32, gLogits: f32 };
const losses = { ...loss, rowLosses: f32, losses: f32 };

function convolutions(stored: Tensor): Dispatch[] {
  const variants: Conv2dVariant[] = [
    { kind: "strips", channels: 16, rows: 1, subgroups: false },
    { kind: "strips", channels: 8, rows: 2, subgroups: true },
    { kind: "tiles", rows: 32, columns: 32, perThread: 4 },
  ];
  const layers: Conv2dShape[] = [1, 3].flatMap((kernel) =>
    [1, 2].map((stride) => ({
      ...{ kernel: kernel as 1 | 3, stride: stride as 1 | 2 },
      ...{ inputChannels: 20, outputChannels: 40, inputHeight: 8, inputWidth: 8 },
      ...{ outputHeight: 8 / stride, outputWidth: 8 / stride },
    }))
  );
  const stem: Conv2dShape = {
    ...{ inputChannels: 3, outputChannels: 20, kernel: 7, stride: 2 },
    ...{ inputHeight: 9, inputWidth: 10, outputHeight: 5, outputWidth: 5 },
  };
  const given = { layer: stem, rows: 3, x: stored };
  const ofStem = variants.flatMap((variant) => [
    ...conv.recordConv2dForward({ ...given, variant, weight: state, y: stored }),
    ...conv.recordConv2dWeightGradient({
      ...given,
      variant,
      gy: f32,
      partials: f32,
      gradient: state,
    }),
  ]);
  return ofStem.concat(variants.flatMap((variant) =>
    layers.flatMap((layer) => {
      const common = { layer, rows: 3, variant };
      const large = tensor("f32", 2 ** 20);
      return [
        ...conv.recordConv2dForward({ ...common, x: stored, weight: state, y: stored }),
        ...[null, f32].flatMap((addend) =>
          conv.recordConv2dInputGradient({ ...common, gy: f32, weight: f32, addend, gx: f32 })
        ),
        ...[f32, large].flatMap((partials) =>
          conv.recordConv2dWeightGradient({
            ...{ ...common, x: stored, gy: f32, partials, gradient: state },
          })
        ),
      ];
    })
  ));
}

function norms(stored: Tensor): Dispatch[] {
  const masks: norm.ReluMask[] = [null, { y: stored }, "own output"];
  const residuals: norm.Residual[] = [
    null,
    { values: stored, statistics: null },
    { values: stored, statistics: f32 },
  ];
  const backward = { ...shared, z: stored, gy: f32, statistics: f32, partials: f32 };
  return [
    norm.recordBatchNormStatistics({ ...shared, z: stored, partials: f32 }),
    norm.recordBatchNormFinalize({ ...ofNorm, partials: f32 }),
    norm.recordBatchNormInference({ ...ofNorm, channels4: 2 }),
    ...[null, f32].flatMap((partials) =>
      residuals.map((residual) =>
        norm.recordBatchNormApply({
          ...ofNorm,
          z: stored,
          partials,
          residual,
          relu: true,
          y: stored,
        })
      )
    ),
    ...masks.flatMap((mask) => [
      norm.recordBatchNormBackwardReduce({ ...backward, mask }),
      norm.recordBatchNormBackwardApply({ ...backward, mask, gradients: state, dz: f32 }),
    ]),
  ];
}

function others(stored: Tensor): Dispatch[] {
  const pool = { rows: 2, area: 9, channels4: 2 };
  const halved = { rows: 2, inputHeight: 7, inputWidth: 6, channels4: 2 };
  const shape = { rows: 2, channels4: 3, heads4: 2 };
  const crop = { height: 8, width: 8, padding: 1, rows: 2, source: 0 };
  const colours = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
  const sgd = { weightDecay: 1e-4, batch: u32, gradients: f32, mask: u32, values: f32 };
  return [
    recordAugment({ ...crop, ...colours, batch: u32, images: u32, input: stored }),
    recordStoreImages({ rows: 2, area: 64, source: 0, batch: u32, images: u32, memory: u32 }),
    recordMaxPoolForward(halved, stored, stored, u32),
    recordMaxPoolBackward(halved, f32, u32, f32),
    recordPoolForward(pool, stored, f32),
    recordPoolBackward(pool, f32, f32),
    linear.recordLinearForward(shape, f32, state, state, f32),
    linear.recordLinearInputGradient(shape, f32, state, f32),
    linear.recordLinearWeightGradient(shape, f32, f32, state, state),
    recordCrossEntropy(losses),
    recordMse({ ...losses, targets: f32 }),
    recordStoreLogits({ rows: 2, batch: u32, logits: f32, memory: f32 }),
    recordPredict({ ...loss, mask: 0, offset: 0, counts: u32 }),
    recordSgd({ ...sgd, momentum: 0.9, nesterov: true, velocities: f32 }),
    recordLargest({ gradients: f32, values: f32, mask: u32, result: u32 }),
  ];
}

Deno.test("every kernel of the list is recorded by names and types that are its own", () => {
  const recorded = (["f32", "f16"] as StoredType[]).flatMap((type) => {
    const stored = tensor(type);
    return [...convolutions(stored), ...norms(stored), ...others(stored)];
  });
  const names = new Set(recorded.map(({ kernel }) => kernel));
  assert.deepEqual(kernels.filter((kernel) => !names.has(kernel)).map(({ name }) => name), []);
  assert.equal(names.size, kernels.length);
});

/** Recorders of kernels whose threads do not walk on, for so many threads. */
const withoutStride: Record<string, (threads: number) => Dispatch> = {
  linear_forward: (rows) =>
    linear.recordLinearForward({ rows, channels4: 3, heads4: 1 }, f32, state, state, f32),
  linear_input_gradient: (rows) =>
    linear.recordLinearInputGradient({ rows, channels4: 1, heads4: 2 }, f32, state, f32),
  linear_weight_gradient: (threads) => {
    const shape = { rows: 2, channels4: 1, heads4: threads / 5 };
    return linear.recordLinearWeightGradient(shape, f32, f32, state, state);
  },
  pool_forward: (rows) => recordPoolForward({ rows, area: 9, channels4: 1 }, f32, f32),
  predict: (rows) => recordPredict({ ...loss, rows, mask: 0, offset: 0, counts: u32 }),
  batch_norm_inference: (channels4) => norm.recordBatchNormInference({ ...ofNorm, channels4 }),
};

Deno.test("a launch that could not reach all of its output is refused", () => {
  const most = 64 * 65535;
  for (const [name, record] of Object.entries(withoutStride)) {
    assert.deepEqual(record(most).workgroups, [65535], name);
    assert.deepEqual(record(65).workgroups, [2], name);
    const threads = most + 5;
    assert.throws(
      () => record(threads),
      new RegExp(
        `^RangeError: Cannot launch ${name}: ${threads} threads, and one launch has ${most} at most; make the batches`,
      ),
    );
  }
});

Deno.test("kernels of one thread for each place walk on, or are refused where they cannot", () => {
  // Launches of convolutions are not capped: a program refuses those that are too large.
  const still = kernels.filter(({ name, code }) =>
    !name.startsWith("conv2d_") && /global_invocation_id/.test(code) &&
    !/\+= groups\.x \* 64u/.test(code)
  );
  const names = new Set(still.map(({ name }) => name.replace(/_f16$/, "")));
  assert.deepEqual([...names].sort(), Object.keys(withoutStride).sort());
});
