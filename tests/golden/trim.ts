/**
 * How the recordings in this folder were made from the full ones: `deno run -A trim.ts <folder>`.
 *
 * - ops: as it is.
 * - resnet18: without the outputs and output gradients of the first two stages.
 * - er_ace_trace, er_trace, derpp_trace: pictures are kept once, as bytes; the stream and replay
 *   inputs follow from them exactly (checked here). er_trace and derpp_trace keep the states around the first
 *   replay and around the change of task.
 * - freezing_trace, fullrun_er_ace: pictures as bytes, no second names of the classifier; of the
 *   candidates' states that of the first one and of the winner.
 * - the JSON beside each: without the list that tells which class each picture was drawn from.
 */

import type { HostTensor } from "../../src/net/safetensors.ts";
import { readSafetensors, writeSafetensors } from "../../src/host/safetensors_files.ts";

const [from] = Deno.args;
if (from === undefined) {
  throw new TypeError("Cannot trim: the folder of the full recordings is missing");
}
const to = decodeURIComponent(new URL(".", import.meta.url).pathname);
const f = Math.fround;

for (const name of ["ops", "resnet18", "er_ace_trace", "er_trace", "derpp_trace"]) {
  const { tensors } = await readSafetensors(`${from}/${name}.safetensors`);
  const json = JSON.parse(await Deno.readTextFile(`${from}/${name}.json`));
  if (name === "resnet18") dropEarlyStages(tensors);
  if (name.endsWith("_trace")) {
    packPictures(tensors, json.mean, json.std);
    if (name !== "er_ace_trace") dropLaterStates(tensors);
    delete json.pool_owner;
  }
  await writeSafetensors(`${to}/${name}.safetensors`, tensors);
  await Deno.writeTextFile(`${to}/${name}.json`, `${JSON.stringify(json)}\n`);
}

function dropEarlyStages(tensors: Map<string, HostTensor>): void {
  for (const name of tensors.keys()) {
    if (/^train\/g?act\/layer[12]$/.test(name)) tensors.delete(name);
  }
}

for (const name of ["freezing_trace", "fullrun_er_ace"]) {
  const { tensors } = await readSafetensors(`${from}/${name}.safetensors`);
  const json = JSON.parse(await Deno.readTextFile(`${from}/${name}.json`));
  for (const tensor of tensors.keys()) {
    const candidate = /^state\/t1_candidate_(\d+)_/.exec(tensor)?.[1];
    const kept = candidate === undefined ||
      [0, json.tasks[1].freezing.winner].includes(Number(candidate));
    if (!kept || tensor.includes("/classifier.")) tensors.delete(tensor);
  }
  const { shape, data } = tensors.get("pool/pixels")!;
  const bytes = Uint8Array.from(data as Float32Array, (value) => Math.round(value * 255));
  if (bytes.some((byte, i) => f(byte / 255) !== data[i])) {
    throw new RangeError(`Cannot pack the pictures of ${name}: they are not multiples of 1/255`);
  }
  tensors.set("pool/pixels", { dtype: "U8", shape, data: bytes });
  delete json.printed_log_sample;
  delete json.stderr_tail;
  await writeSafetensors(`${to}/${name}.safetensors`, tensors);
  await Deno.writeTextFile(`${to}/${name}.json`, `${JSON.stringify(json)}\n`);
}

function dropLaterStates(tensors: Map<string, HostTensor>): void {
  for (const name of tensors.keys()) {
    if (/^state\/(?!(000|002|010|012)\/)/.test(name)) tensors.delete(name);
  }
}

function packPictures(tensors: Map<string, HostTensor>, mean: number[], deviation: number[]): void {
  const plain = tensors.get("pool/plain")!;
  const width = plain.shape[3];
  const area = plain.shape[2] * width;
  const stream = tensors.get("pool/stream")!.data;
  const replay = tensors.get("pool/replay")!.data;
  const bytes = Uint8Array.from(plain.data as Float32Array, (value) => Math.round(value * 255));
  bytes.forEach((byte, i) => {
    const c = Math.floor(i / area) % 3;
    const input = f(f(f(byte / 255) - f(mean[c])) / f(deviation[c]));
    const mirrored = i - i % width + width - 1 - i % width;
    if (plain.data[i] !== f(byte / 255) || replay[i] !== input || stream[mirrored] !== input) {
      throw new RangeError(`Cannot pack pictures: value ${i} does not follow from its byte`);
    }
  });
  tensors.set("pool/plain", { dtype: "U8", shape: plain.shape, data: bytes });
  tensors.delete("pool/stream");
  tensors.delete("pool/replay");
}
