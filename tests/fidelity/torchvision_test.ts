/** A ResNet-18 as torchvision publishes it, recorded by the twin: what the replay of such recordings compares. */

import assert from "node:assert/strict";
import { checkRecording } from "../../fidelity/check_folder.ts";
import { OfficialRecording } from "../../fidelity/official_recording.ts";
import type { HostTensor } from "../../src/net/safetensors.ts";
import { nameInFile } from "../../src/net/state_layout.ts";
import { Random } from "../../src/random.ts";
import { conv2dForward } from "../../src/reference/conv2d.ts";
import { crossEntropy } from "../../src/reference/cross_entropy.ts";
import { normals } from "../../src/reference/layout.ts";
import { type Resnet18, resnet18Eval, resnet18Train } from "../../src/reference/resnet18.ts";
import { gpuTests } from "../support/gpu.ts";
import { hostState, irregularState } from "../support/network.ts";

const test = await gpuTests();
const [width, heads, stem] = [4, 3, "imagenet"] as const;

const f32 = (data: ArrayLike<number>, shape: readonly number[]): HostTensor => ({
  dtype: "F32",
  shape: [...shape],
  data: Float32Array.from(data),
});

function recording(): OfficialRecording {
  const random = Random.stream(7, "torchvision recording");
  const shape = [3, 3, 40, 52] as const;
  const pictures = { shape, data: normals(random, shape.reduce((a, b) => a * b, 1)) };
  const net: Resnet18 = { width, heads, stem, state: irregularState(random, width, heads, stem) };
  const tensors = new Map<string, HostTensor>();
  const name = (official: string) => nameInFile(official, "torchvision");
  const host = () => hostState(net.state, width, heads, stem);
  for (const [official, tensor] of host()) tensors.set(`init/${name(official)}`, tensor);
  tensors.set("x", f32(pictures.data, shape));
  const labels = [2, 0, 1];
  tensors.set("labels", { dtype: "I64", shape: [3], data: BigInt64Array.from(labels, BigInt) });
  tensors.set("eval_before/logits", f32(resnet18Eval(net, pictures), [3, heads]));
  const weight = net.state.get("conv1.weight")!;
  const conv1 = conv2dForward(pictures.data, shape, weight, [width, 3, 7, 7], {
    stride: 2,
    padding: 3,
  });
  tensors.set("train/act/conv1", f32(conv1, [3, width, 20, 26]));
  const pass = resnet18Train(net, pictures);
  const { loss, gradLogits } = crossEntropy(pass.logits, labels, heads);
  const gradients = new Map<string, Float64Array>();
  const { gradStages } = pass.backward(gradLogits, gradients);
  tensors.set("train/logits", f32(pass.logits, [3, heads]));
  tensors.set("train/loss", f32([loss], []));
  pass.stages.forEach(({ data, shape }, i) => {
    tensors.set(`train/act/layer${i + 1}`, f32(data, shape));
    tensors.set(`train/gact/layer${i + 1}`, f32(gradStages[i], shape));
  });
  for (const [official, { shape, data }] of host()) {
    const gradient = gradients.get(official);
    if (gradient) tensors.set(`grad/${name(official)}`, f32(gradient, shape));
    if (/running/.test(official)) {
      tensors.set(`after/${name(official)}`, f32(data as Float32Array, shape));
    }
  }
  tensors.set("eval_after/logits", f32(resnet18Eval(net, pictures), [3, heads]));
  return new OfficialRecording("drawn", tensors, { kind: "resnet18_torchvision" });
}

test("a network with torchvision's stem and names is replayed, and held to all that is recorded", async (gpu) => {
  const whole = recording();
  const check = await checkRecording(gpu, whole);
  assert.equal(check?.kind, "resnet18_torchvision");
  assert(check.ok, check.text);
  for (
    const what of ["stem outputs", "stage outputs", "gradients of outputs", "running statistics"]
  ) assert.match(check.text, new RegExp(`${what} \\d`));
  const changes = [
    "train/act/conv1",
    "train/act/layer2",
    "train/gact/layer3",
    "grad/fc.weight",
    "grad/conv1.weight",
    "after/layer2.0.downsample.1.running_var",
    "eval_after/logits",
  ];
  for (const name of changes) {
    const tensors = new Map(whole.tensors);
    const { shape, data } = tensors.get(name)!;
    const values = Float32Array.from(data as Float32Array);
    values[1] += 0.01 * Math.max(1, ...values.map(Math.abs));
    tensors.set(name, f32(values, shape));
    const refused = await checkRecording(gpu, new OfficialRecording("changed", tensors, {}));
    assert(!refused!.ok, `${name}: ${refused!.text}`);
  }
});
