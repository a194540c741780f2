/** The plain ResNet-18 against the official network recorded in `tests/golden/resnet18.safetensors`. */

import assert from "node:assert/strict";
import { assertClose, assertGradient } from "../support/assert_close.ts";
import { crossEntropy } from "../../src/reference/cross_entropy.ts";
import { readGolden, readGoldenJson } from "../support/golden.ts";
import {
  type Resnet18,
  resnet18Eval,
  resnet18ParameterShapes,
  resnet18Train,
  type State,
} from "../../src/reference/resnet18.ts";

const file = await readGolden("resnet18");
const json = await readGoldenJson("resnet18");
const pictures = file.activation("x");
const labels = Array.from(file.get("labels").data);

function network(): Resnet18 {
  return { width: json.nf, heads: json.classes, state: file.state("init/") };
}

Deno.test("resnet18ParameterShapes() lists the official parameters in order", () => {
  const shapes = resnet18ParameterShapes(json.nf, json.classes);
  assert.deepEqual([...shapes.keys()], json.parameter_order);
  for (const [name, shape] of shapes) assert.deepEqual(shape, file.get(`init/${name}`).shape, name);
});

Deno.test("one training pass gives the recorded logits, loss, gradients and statistics", () => {
  const net = network();
  const pass = resnet18Train(net, pictures);
  const { loss, gradLogits } = crossEntropy(pass.logits, labels, net.heads);
  const gradients: State = new Map();
  const { gradStages } = pass.backward(gradLogits, gradients);

  const recorded = (name: string) => file.get(name).data;
  assertClose("resnet18 train logits", pass.logits, recorded("train/logits"), 1e-5);
  assertClose("resnet18 features", pass.features, recorded("train/features"), 1e-5);
  assertClose("resnet18 loss", [loss], recorded("train/loss"), 1e-6);
  for (const stage of [3, 4]) {
    const output = pass.stages[stage - 1].data;
    assertClose("resnet18 stage output", output, recorded(`train/act/layer${stage}`), 1e-5);
    const grad = gradStages[stage - 1];
    assertClose("resnet18 stage gradient", grad, recorded(`train/gact/layer${stage}`), 1e-5);
  }
  assert.deepEqual([...gradients.keys()].sort(), [...json.parameter_order].sort());
  for (const [name, gradient] of gradients) {
    // The recorded float32 gradients are themselves off by up to 1e-5 of their scale (see the JSON).
    assertClose("resnet18 parameter gradient", gradient, recorded(`grad/${name}`), 1e-4);
  }
  const after = file.state("after/");
  assert.equal(after.size, 40);
  for (const [name, statistic] of after) {
    assertClose("resnet18 running statistic", net.state.get(name)!, statistic, 1e-5);
  }
  const logits = resnet18Eval(net, pictures);
  assertClose("resnet18 eval logits after", logits, recorded("eval_after/logits"), 1e-5);
});

Deno.test("resnet18Eval() gives the recorded logits and changes no statistic", () => {
  const net = network();
  const logits = resnet18Eval(net, pictures);
  assertClose("resnet18 eval logits before", logits, file.get("eval_before/logits").data, 1e-5);
  for (const [name, value] of file.state("init/")) assert.deepEqual(net.state.get(name), value);
});

Deno.test("the parameter gradients of a narrow network are those of finite differences", () => {
  const net: Resnet18 = { width: 2, heads: 3, state: narrowState(2, 3) };
  const small = { data: pictures.data.slice(0, 4 * 3 * 8 * 8), shape: [4, 3, 8, 8] as const };
  const loss = () => {
    const pass = resnet18Train(net, small);
    return crossEntropy(pass.logits, [0, 1, 2, 1], net.heads);
  };
  const gradients: State = new Map();
  const pass = resnet18Train(net, small);
  const { gradLogits } = crossEntropy(pass.logits, [0, 1, 2, 1], net.heads);
  pass.backward(gradLogits, gradients);
  for (const [name, gradient] of gradients) {
    const value = net.state.get(name)!;
    const options = { step: 1e-6, tolerance: 1e-4, indices: [0, value.length >> 1] };
    assertGradient("narrow resnet18 gradient", () => loss().loss, value, gradient, options);
  }
});

/** Weights that fall off with a fixed irregular pattern; statistics 0 and 1. */
function narrowState(width: number, heads: number): State {
  const state: State = new Map();
  let seed = 7;
  for (const [name, shape] of resnet18ParameterShapes(width, heads)) {
    const count = shape.reduce((a, b) => a * b, 1);
    const norm = /bn\d|shortcut\.1/.test(name);
    const values = Float64Array.from({ length: count }, () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return (seed / 2 ** 31 - 1) * 0.5;
    });
    state.set(name, norm && name.endsWith("weight") ? values.map((value) => 1 + value) : values);
    if (norm && name.endsWith("weight")) {
      const layer = name.slice(0, -".weight".length);
      state.set(`${layer}.running_mean`, new Float64Array(count));
      state.set(`${layer}.running_var`, new Float64Array(count).fill(1));
    }
  }
  return state;
}
