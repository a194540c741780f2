import assert from "node:assert/strict";
import { InputError } from "../../src/errors.ts";
import { negativeVariance, packState } from "../../src/net/network_state.ts";
import { arraysOf, type Entry, parameterTable } from "../../src/net/parameters.ts";
import { resnet18 } from "../../src/net/resnet18.ts";
import type { HostTensor } from "../../src/net/safetensors.ts";

const table = parameterTable(resnet18({ width: 2, heads: 3, height: 8, inputWidth: 8 }));
const names = [
  ...table.learned.flatMap((entry) => arraysOf(entry, false)),
  ...table.running.flatMap((entry) => arraysOf(entry, true)),
];

/** A sound state: every value another, and positive. */
function soundState(dtype: "F32" | "F64" = "F32"): Map<string, HostTensor> {
  let next = 0;
  return new Map(names.map(({ name, shape }) => {
    const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => ++next / 64);
    const data = dtype === "F32" ? Float32Array.from(values) : Float64Array.from(values);
    return [name, { dtype, shape, data } as HostTensor];
  }));
}

function refuse(change: (state: Map<string, HostTensor>) => void, message: string): void {
  const state = soundState();
  change(state);
  assert.throws(
    () => packState(table, state, "w.safetensors"),
    new InputError(`Cannot load weights from w.safetensors: ${message}`),
  );
}

const put = (name: string, at: number, value: number, dtype: "F32" | "F64" = "F32") =>
(
  state: Map<string, HostTensor>,
) => {
  const { shape, data } = soundState(dtype).get(name)!;
  data[at] = value;
  state.set(name, { dtype, shape, data } as HostTensor);
};

Deno.test("packState() refuses a value that is not finite in any tensor, by its index", () => {
  const fix = "not a finite number; use weights saved before they were spoilt";
  for (const { name, shape } of names) {
    const last = shape.reduce((a, b) => a * b, 1) - 1;
    const end = shape.map((size) => size - 1).join(", ");
    for (const value of [Infinity, -Infinity, NaN]) {
      refuse(put(name, last, value), `element [${end}] of ${name} is ${value}, ${fix}`);
    }
  }
  refuse(
    put("conv1.weight", 2 * 27 - 27 + 9 + 5, NaN),
    `element [1, 1, 1, 2] of conv1.weight is NaN, ${fix}`,
  );
});

Deno.test("packState() refuses a negative running variance and nothing else that is negative", () => {
  refuse(
    put("layer1.0.bn1.running_var", 1, -0.5),
    "element [1] of layer1.0.bn1.running_var is -0.5, and a variance is not negative; " +
      "use weights saved before they were spoilt",
  );
  for (const { name } of names) {
    const state = soundState();
    put(name, 0, name.endsWith("running_var") ? 0 : -1)(state);
    packState(table, state, "w.safetensors");
  }
  const state = soundState();
  put("bn1.running_var", 0, -0)(state); // what a tiny negative one is rounded to
  packState(table, state, "w.safetensors");
});

Deno.test("packState() looks at what it takes only", () => {
  const state = soundState();
  state.set("classifier.weight", { dtype: "F32", shape: [1], data: Float32Array.of(NaN) });
  state.set("mask", { dtype: "U8", shape: [1], data: Uint8Array.of(1) });
  assert.equal(packState(table, state, "w.safetensors").narrowed, 0);
});

Deno.test("packState() rounds F64 to f32 and counts the tensors", () => {
  const state = soundState("F64");
  put("linear.bias", 0, 0.1, "F64")(state);
  const packed = packState(table, state, "w.safetensors");
  assert.equal(packed.narrowed, names.length);
  const same = soundState();
  put("linear.bias", 0, Math.fround(0.1))(same);
  const { values, running } = packState(table, same, "w.safetensors");
  assert.deepEqual(packed.values, values);
  assert.deepEqual(packed.running, running);
});

Deno.test("packState() refuses an F64 value that f32 cannot hold", () => {
  for (const value of [1e300, -3.5e38]) {
    refuse(
      put("bn1.weight", 1, value, "F64"),
      `element [1] of bn1.weight is ${value}, beyond the range of float32; use weights whose magnitudes ` +
        "are below 3.4e38",
    );
  }
  refuse(
    put("bn1.running_var", 0, -1e-300, "F64"),
    "element [0] of bn1.running_var is -1e-300, and a variance is not negative; " +
      "use weights saved before they were spoilt",
  );
});

Deno.test("packState() takes PyTorch's counters as numbers of any type, if they are counts", () => {
  const name = "bn1.num_batches_tracked";
  const counters: HostTensor[] = [
    { dtype: "I64", shape: [], data: BigInt64Array.of(41n) },
    { dtype: "I32", shape: [1], data: Int32Array.of(41) },
    { dtype: "F32", shape: [], data: Float32Array.of(41) },
  ];
  for (const counter of counters) {
    const state = soundState().set(name, counter);
    assert.equal(packState(table, state, "w.safetensors").batchesTracked, 41);
  }
  const expected = "expected one whole number of at least 0; leave it out or save it as int64";
  const wrong: [HostTensor, string][] = [
    [{ dtype: "F32", shape: [], data: Float32Array.of(Infinity) }, "Infinity"],
    [{ dtype: "F32", shape: [], data: Float32Array.of(1.5) }, "1.5"],
    [{ dtype: "I64", shape: [], data: BigInt64Array.of(-1n) }, "-1"],
    [{ dtype: "I64", shape: [0], data: new BigInt64Array(0) }, "of shape [0]"],
  ];
  for (const norm of ["bn1", "layer4.1.bn2"]) {
    for (const [counter, found] of wrong) {
      const full = `${norm}.num_batches_tracked`;
      refuse((state) => state.set(full, counter), `${full} is ${found}, ${expected}`);
    }
  }
});

Deno.test("negativeVariance() finds variances among the running statistics, by name and place", () => {
  const { running } = packState(table, soundState(), "w.safetensors");
  assert.equal(negativeVariance(table, running), undefined);
  const norm = table.running.find(({ name }) => name === "layer2.0.bn1") as Entry;
  running[norm.offset] = -1; // a mean
  assert.equal(negativeVariance(table, running), undefined);
  running[norm.offset + norm.length / 2 + 3] = -2;
  assert.deepEqual(negativeVariance(table, running), {
    name: "layer2.0.bn1.running_var",
    at: 3,
    value: -2,
  });
});
