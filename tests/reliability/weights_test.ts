/** Weights that a run starts from, goes on from or is evaluated with are numbers to go on with, or are refused. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { InputError } from "../../src/errors.ts";
import { listCheckpoints } from "../../src/host/checkpoint_files.ts";
import { evaluateRun } from "../../src/host/evaluate_run.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import { firstNotFinite } from "../../src/experiment/state_values.ts";
import { encodeSafetensors, type HostTensor } from "../../src/net/safetensors.ts";
import { readSafetensors } from "../../src/host/safetensors_files.ts";
import { withFolder } from "../data/fixtures.ts";
import { gpuTests } from "../support/gpu.ts";
import { outcome, runTiny } from "./tiny.ts";

const gpuTest = await gpuTests();
const finetune = {
  method: "finetune",
  epochs: 2,
  data: {
    tasks: 2,
    classesPerTask: 2,
    size: 8,
    train: {
      format: "drawn",
      drawn: { kind: "shapes", classes: 4, trainPerClass: 8, testPerClass: 2 },
    },
  },
};

const texts = (events: readonly RunEvent[]) =>
  events.flatMap((event) => event.type === "message" ? [event.text] : []);

/** Rewrites a safetensors file, tensor by tensor. */
async function rewrite(
  from: string,
  change: (name: string, tensor: HostTensor) => HostTensor,
  to = from,
): Promise<Uint8Array<ArrayBuffer>> {
  const { tensors, metadata } = await readSafetensors(from);
  const changed = new Map([...tensors].map(([name, tensor]) => [name, change(name, tensor)]));
  const bytes = encodeSafetensors(changed, metadata);
  Deno.writeFileSync(to, bytes);
  return bytes;
}

/** A tensor with another value at a place. */
const withValue = (tensor: HostTensor, at: number, value: number): HostTensor => {
  const data = Float32Array.from(tensor.data as Float32Array);
  data[at] = value;
  return { dtype: "F32", shape: tensor.shape, data };
};

gpuTest(
  "weights saved as F64 train as the F32 ones that they are, and this is said",
  () =>
    withFolder(async (root) => {
      const made = (name: string) => {
        const out = join(root, name);
        Deno.mkdirSync(out);
        return { out, changes: finetune };
      };
      const first = made("first");
      await runTiny(first);
      const init = join(first.out, "model.safetensors");
      const doubles = join(root, "doubles.safetensors");
      await rewrite(init, (_, tensor) =>
        tensor.dtype === "F32"
          ? { ...tensor, dtype: "F64", data: Float64Array.from(tensor.data) }
          : tensor, doubles);
      const [single, double] = [made("single"), made("double")];
      await runTiny({ ...single, options: { init } });
      const { events } = await runTiny({ ...double, options: { init: doubles } });
      const { digest } = await outcome(single.out);
      assert.equal((await outcome(double.out)).digest, digest);
      assert.notEqual((await outcome(first.out)).digest, digest);
      assert.deepEqual(
        texts(events)[0],
        `${doubles}: 102 tensors of type F64, rounded to float32`,
      );
    }),
);

gpuTest(
  "weights that are no numbers are refused before data is read, and by evaluate",
  () =>
    withFolder(async (root) => {
      const out = join(root, "run");
      Deno.mkdirSync(out);
      await runTiny({ out, changes: finetune });
      const model = join(out, "model.safetensors");
      await rewrite(
        model,
        (name, tensor) => name === "layer2.0.bn1.running_var" ? withValue(tensor, 5, -1) : tensor,
      );
      const refusal = new InputError(
        `Cannot load weights from ${model}: element [5] of layer2.0.bn1.running_var is -1, and a variance is ` +
          "not negative; use weights saved before they were spoilt",
      );
      const other = join(root, "other");
      Deno.mkdirSync(other);
      const phases: RunEvent[] = [];
      const options = { init: model, emit: (event: RunEvent) => phases.push(event) };
      await assert.rejects(runTiny({ out: other, changes: finetune, options }), refusal);
      assert.deepEqual(phases.filter(({ type }) => type === "phase"), []);
      const paths = { dataRoot: root, cacheDir: join(root, "cache") };
      await assert.rejects(evaluateRun(out, paths), refusal);
    }),
);

Deno.test("firstNotFinite() names the element of any tensor of floats, and passes integers over", () => {
  const words = (values: number[]) => new Uint32Array(Float32Array.from(values).buffer);
  const state = (label: string, values: number[], type: "f32" | "u32" = "f32") => [
    { label: "sound", shape: [2], type: "f32", words: words([-1, 3e38]) } as const,
    { label, shape: [values.length], type, words: words(values) },
  ];
  for (const value of [NaN, Infinity, -Infinity]) {
    assert.equal(
      firstNotFinite(state("a/values", [1, 2, value])),
      `element 2 of a/values is ${value}`,
    );
    assert.equal(firstNotFinite(state("a/images", [value], "u32")), undefined);
  }
});

/** Puts a value into a tensor of a run's last checkpoint, with digests that fit. */
async function spoilLast(out: string, label: string, at: number, value: number): Promise<string> {
  const [point] = listCheckpoints(join(out, "checkpoints")).slice(-1);
  const folder = join(out, "checkpoints", point);
  const file = "state.safetensors";
  let found = false;
  const bytes = await rewrite(join(folder, file), (name, tensor) => {
    if (!name.endsWith(`/${label}`)) return tensor;
    found = true;
    return withValue(tensor, at, value);
  });
  assert(found, `the checkpoint has no ${label}`);
  const done = JSON.parse(Deno.readTextFileSync(join(folder, "DONE")));
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  done[file] = { bytes: bytes.length, sha256 };
  Deno.writeTextFileSync(join(folder, "DONE"), JSON.stringify(done));
  return folder;
}

gpuTest(
  "a checkpoint whose values are no numbers is passed over, and its element named",
  () =>
    withFolder(async (root) => {
      const whole = join(root, "whole");
      Deno.mkdirSync(whole);
      await runTiny({ out: whole, changes: finetune });
      const expected = await outcome(whole);
      // The second value of the stem's variances lies behind four means (channels of width 4).
      const variance = "element [1] of bn1.running_var in network/running is -0.25, " +
        "and a variance is not negative";
      const cases: [label: string, at: number, value: number, found: string][] = [
        ["network/running", 5, Infinity, "element 5 of network/running is Infinity"],
        ["network/values", 7, NaN, "element 7 of network/values is NaN"],
        ["network/velocities", 3, -Infinity, "element 3 of network/velocities is -Infinity"],
        ["network/running", 5, -0.25, variance],
      ];
      for (const [i, [label, at, value, found]] of cases.entries()) {
        const out = join(root, `${i}`);
        Deno.mkdirSync(out);
        let stop = false;
        const atPoint = (point: number) => stop = point === 9;
        const checkpointEvery = { steps: 1 };
        await runTiny({
          out,
          changes: finetune,
          options: { atPoint, shouldStop: () => stop, checkpointEvery },
        });
        const folder = await spoilLast(out, label, at, value);
        const { events } = await runTiny({ out, changes: finetune, options: { resume: true } });
        assert.equal(
          texts(events)[0],
          `Cannot use checkpoint ${folder}: state.safetensors is damaged: ${found}; taking the one before`,
        );
        assert.match(texts(events).join("\n"), /Going on from checkpoint/);
        assert.deepEqual(await outcome(out), expected);
      }
    }),
);
