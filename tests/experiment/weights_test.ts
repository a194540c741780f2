/** Weights of others as a run starts from them. */

import assert from "node:assert/strict";
import { parametersOf } from "../../src/experiment/build.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import { decodeWeights } from "../../src/experiment/weights.ts";
import { initialValues } from "../../src/net/initialize.ts";
import { encodeSafetensors, type HostTensor } from "../../src/net/safetensors.ts";
import { arraysOf } from "../../src/net/parameters.ts";
import { nameInFile } from "../../src/net/state_layout.ts";
import { Random } from "../../src/random.ts";
import { tinyOptions } from "../reliability/tiny.ts";

const configOf = (network: object, data: object = {}) =>
  resolveConfig({
    ...tinyOptions,
    network: { width: 2, stem: "imagenet", ...network },
    data: { ...tinyOptions.data, ...data },
  });

/** A file with torchvision's names; the numbers are halves, which F16 and BF16 hold. */
function torchvisionFile(classes: number): Map<string, HostTensor> {
  const table = parametersOf(configOf({}));
  let next = 0;
  return new Map(
    [
      ...table.learned.flatMap((entry) => arraysOf(entry, false)),
      ...table.running.flatMap((entry) => arraysOf(entry, true)),
    ].map(({ name, shape }) => {
      const sizes = name.startsWith("linear") ? [classes, ...shape.slice(1)] : shape;
      const data = Float32Array.from(
        { length: sizes.reduce((a, b) => a * b, 1) },
        () => ++next % 100 / 2,
      );
      return [nameInFile(name, "torchvision"), { dtype: "F32", shape: sizes, data } as const];
    }),
  );
}

/** The same file with its tensors as half types, which this program reads and does not write. */
function halved(bytes: Uint8Array, type: "F16" | "BF16"): Uint8Array<ArrayBuffer> {
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
  const floats = new Float32Array(bytes.slice(8 + headerLength).buffer);
  const words = new Uint32Array(floats.buffer);
  const values = type === "F16"
    ? new Uint8Array(new Float16Array(floats).buffer)
    : new Uint8Array(Uint16Array.from(words, (word) => word >>> 16).buffer);
  for (const tensor of Object.values(header) as { dtype: string; data_offsets: number[] }[]) {
    tensor.dtype = type;
    tensor.data_offsets = tensor.data_offsets.map((offset) => offset / 2);
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const result = new Uint8Array(8 + text.length + values.length);
  new DataView(result.buffer).setBigUint64(0, BigInt(text.length), true);
  result.set(text, 8);
  result.set(values, 8 + text.length);
  return result;
}

Deno.test("the classifier of torchvision's weights is replaced by that of the seed, and this is said", () => {
  const config = configOf({});
  const heads = config.data.tasks * config.data.classesPerTask;
  const table = parametersOf(config);
  const fresh = initialValues(table, Random.stream(config.seed, "init"));
  for (const classes of [heads, 1000]) {
    const bytes = encodeSafetensors(torchvisionFile(classes));
    const { state, note } = decodeWeights(bytes, "w", config);
    assert.equal(
      note,
      `w: names of torchvision; its classifier is replaced by a fresh one of ${heads} heads ` +
        "(--keep-head keeps one that fits); such weights want --set data.mean=[0.485,0.456,0.406] " +
        "--set data.std=[0.229,0.224,0.225]",
    );
    for (const { kind, name, offset, length } of table.learned) {
      const same = state.values.slice(offset, offset + length).join() ===
        fresh.slice(offset, offset + length).join();
      assert.equal(same, kind.startsWith("linear"), name);
    }
  }
});

Deno.test("a classifier that fits is kept where this is asked for", () => {
  const colours = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  const config = configOf({ keepHead: true }, colours);
  const heads = config.data.tasks * config.data.classesPerTask;
  const file = torchvisionFile(heads);
  const { state, note } = decodeWeights(encodeSafetensors(file), "w", config);
  assert.equal(note, "w: names of torchvision; its classifier is kept");
  const { offset } = parametersOf(config).learned.find(({ kind }) => kind === "linear_bias")!;
  const bias = [...file.get("fc.bias")!.data as Float32Array];
  assert.deepEqual([...state.values.slice(offset, offset + heads)], bias);
  assert.throws(
    () => decodeWeights(encodeSafetensors(torchvisionFile(1000)), "w", config),
    /fc.weight is F32 \[1000,16\].*leave --keep-head out/,
  );
});

Deno.test("F16 and BF16 weights of torchvision's names are those of F32", () => {
  const config = configOf({});
  const bytes = encodeSafetensors(torchvisionFile(10));
  const { state } = decodeWeights(bytes, "w", config);
  for (const type of ["F16", "BF16"] as const) {
    assert.deepEqual(decodeWeights(halved(bytes, type), "w", config).state, state, type);
  }
});
