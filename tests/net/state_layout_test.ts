/** States with the names of torchvision and timm. */

import assert from "node:assert/strict";
import { InputError } from "../../src/errors.ts";
import { packState } from "../../src/net/network_state.ts";
import { arraysOf, parameterTable } from "../../src/net/parameters.ts";
import { resnet18, type Stem } from "../../src/net/resnet18.ts";
import type { HostTensor } from "../../src/net/safetensors.ts";
import { nameInFile, stateLayout } from "../../src/net/state_layout.ts";

const tableOf = (stem: Stem) =>
  parameterTable(resnet18({ width: 2, heads: 3, height: 32, inputWidth: 32, stem }));

/** A state for a table, every value another, with names of a layout. */
function stateOf(stem: Stem, layout: "official" | "torchvision"): Map<string, HostTensor> {
  const table = tableOf(stem);
  const arrays = [
    ...table.learned.flatMap((entry) => arraysOf(entry, false)),
    ...table.running.flatMap((entry) => arraysOf(entry, true)),
  ];
  let next = 0;
  return new Map(arrays.map(({ name, shape }) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => ++next / 64);
    return [nameInFile(name, layout), { dtype: "F32", shape, data } as HostTensor];
  }));
}

const f32 = (shape: number[]): HostTensor => ({
  dtype: "F32",
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
});

Deno.test("names of torchvision are taken as the official ones that they stand for", () => {
  const state = stateOf("imagenet", "torchvision");
  for (
    const name of ["conv1.weight", "bn1.running_var", "layer2.0.downsample.0.weight", "fc.bias"]
  ) {
    assert(state.has(name), name);
  }
  assert.equal(stateLayout(state), "torchvision");
  const table = tableOf("imagenet");
  const official = packState(table, stateOf("imagenet", "official"), "w");
  const packed = packState(table, state, "w");
  assert.deepEqual(packed, { ...official, layout: "torchvision" });
  assert.equal(official.layout, "official");
  const count = { dtype: "I64", shape: [], data: BigInt64Array.of(9n) } as HostTensor;
  assert.equal(
    packState(table, state.set("bn1.num_batches_tracked", count), "w").batchesTracked,
    9,
  );
});

Deno.test("without its head a state may have any classifier, or none", () => {
  const table = tableOf("imagenet");
  const whole = packState(table, stateOf("imagenet", "torchvision"), "w");
  const head = table.learned.filter(({ kind }) => kind.startsWith("linear"));
  for (const classes of [0, 1000]) {
    const state = stateOf("imagenet", "torchvision");
    for (const part of ["weight", "bias"]) state.delete(`fc.${part}`);
    if (classes > 0) state.set("fc.weight", f32([classes, 16])).set("fc.bias", f32([classes]));
    const packed = packState(table, state, "w", { withoutHead: true });
    const expected = whole.values.slice();
    for (const { offset, length } of head) expected.fill(0, offset, offset + length);
    assert.deepEqual(packed.values, expected);
    assert.equal(packed.hasHead, false);
    assert.throws(() => packState(table, state, "w"), InputError);
  }
});

const refusals: [string, Stem, (state: Map<string, HostTensor>) => void, Stem, string][] = [
  [
    "a 7x7 stem for a network with a 3x3 one",
    "imagenet",
    () => {},
    "cifar",
    "conv1.weight is F32 [2,3,7,7], a 7x7 stem, and this network has a 3x3 one; " +
    "use --set network.stem=imagenet",
  ],
  [
    "a 3x3 stem for a network with a 7x7 one",
    "cifar",
    () => {},
    "imagenet",
    "conv1.weight is F32 [2,3,3,3], a 3x3 stem, and this network has a 7x7 one; " +
    "use --set network.stem=cifar",
  ],
  [
    "a classifier of other classes that is to be kept",
    "imagenet",
    (state) => state.set("fc.weight", f32([1000, 16])),
    "imagenet",
    "fc.weight is F32 [1000,16], this network has F32 [3,16]; leave --keep-head out, and it is " +
    "replaced, or set the number of classes to that of the file",
  ],
  [
    "another width",
    "imagenet",
    (state) => state.set("layer1.0.conv1.weight", f32([64, 64, 3, 3])),
    "imagenet",
    "layer1.0.conv1.weight is F32 [64,64,3,3], this network has F32 [2,2,3,3]; set network.width " +
    "and the number of classes to those of the file",
  ],
  [
    "a ResNet-34",
    "imagenet",
    (state) => state.set("layer1.2.conv1.weight", f32([2, 2, 3, 3])),
    "imagenet",
    "it has layer1.2.conv1.weight, which a ResNet-18 has not; use the weights of a ResNet-18",
  ],
  [
    "a ResNet-50",
    "imagenet",
    (state) => state.set("layer1.0.conv3.weight", f32([8, 2, 1, 1])),
    "imagenet",
    "it has layer1.0.conv3.weight, which a ResNet-18 has not; use the weights of a ResNet-18",
  ],
  [
    "a tensor that is missing, by its name in the file",
    "imagenet",
    (state) => state.delete("layer3.0.downsample.1.bias"),
    "imagenet",
    "layer3.0.downsample.1.bias is missing; use a state of the official ResNet-18",
  ],
];
for (const [what, of, change, into, message] of refusals) {
  Deno.test(`weights are refused with the fix: ${what}`, () => {
    const state = stateOf(of, "torchvision");
    change(state);
    assert.throws(
      () => packState(tableOf(into), state, "w.safetensors"),
      new InputError(`Cannot load weights from w.safetensors: ${message}`),
    );
  });
}
