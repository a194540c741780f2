/**
 * The recorded official training of one method over two small tasks (`<method>_trace`), as the
 * training steps need it. The pictures are stored once, as bytes; what entered the network is
 * computed as the recording program did, in float32, so that it is the same bit by bit:
 *
 *     replayed = (byte / 255 - mean) / deviation         stream = replayed, mirrored left to right
 */

import { type GoldenFile, readGolden, readGoldenJson } from "./golden.ts";
import type { Rows } from "../../src/reference/learner.ts";
import type { Activation, Resnet18, State } from "../../src/reference/resnet18.ts";

/** One step of the trace; slots and pictures are in the order of the recording. */
export interface TraceStep {
  task: number;
  /** Index of each stream row in the pool. */
  streamPictures: number[];
  stream: Rows;
  /** Rows of each draw from the buffer: none, one, or (DER++) two. */
  draws: { slots: number[]; pictures: number[]; rows: Rows }[];
  /** Kept stream samples in batch order: pool index, and buffer slot or -1 if dropped. */
  kept: { picture: number; row: number; slot: number }[];
  /** Recorded in float32. */
  loss: number;
  /** Recorded with the official program in float64, running freely. */
  lossDouble: number;
  /** `[rows, heads]`, recorded in float32. */
  streamLogits: Float64Array;
}

/** A recorded training. */
export interface Trace {
  width: number;
  heads: number;
  learningRate: number;
  alpha: number;
  beta: number;
  bufferSize: number;
  /** Pictures as bytes, `[count, 16, 16, 3]`, channel fastest. */
  poolBytes: Uint8Array;
  /** Head of each picture of the pool. */
  poolHeads: number[];
  /** Pool pictures as stream input and as replay input, `[count, 3, 16, 16]`. */
  poolStream: Activation;
  poolReplay: Activation;
  steps: TraceStep[];
  /** Numbers of the steps before which the state was recorded. */
  stateSteps: number[];
  /** A fresh network in the state recorded before step `step`. */
  networkAt(step: number): Resnet18;
  /** The file, for whatever is not named above. */
  file: GoldenFile;
}

/** Reads `tests/golden/<method>_trace`. */
export async function readTrace(method: "er_ace" | "er" | "derpp"): Promise<Trace> {
  const file = await readGolden(`${method}_trace`);
  const json = await readGoldenJson(`${method}_trace`);
  const { nf: width, classes: heads, buf: bufferSize } = json.config;
  const replayed = file.activation("pool/plain");
  const poolBytes = channelsLast(replayed);
  normalise(replayed, json.mean, json.std);
  const mirrored = mirror(replayed);

  const integers = (name: string) => {
    const { shape, data } = file.get(`step/${name}`);
    const size = data.length / shape[0];
    return (step: number) => Array.from(data.subarray(step * size, (step + 1) * size));
  };
  const given = (values: number[]) => values.filter((value) => value >= 0);
  const streamIndex = integers("stream_idx");
  const labels = integers("labels");
  const drawSlot = integers("draw_slot");
  const drawIndex = integers("draw_idx");
  const drawLabels = integers("draw_labels");
  const addIndex = integers("add_idx");
  const addSlot = integers("add_slot");
  const drawCount = file.get("step/draw_slot").shape[1];

  const steps = json.steps_info.map((info: { task: number }, step: number): TraceStep => {
    const streamPictures = given(streamIndex(step));
    const split = (values: number[], draw: number) => {
      const size = values.length / drawCount;
      return given(values.slice(draw * size, (draw + 1) * size));
    };
    const draws = Array.from({ length: drawCount }, (_, draw) => {
      const pictures = split(drawIndex(step), draw);
      const rows = { pictures: select(replayed, pictures), labels: split(drawLabels(step), draw) };
      return { slots: split(drawSlot(step), draw), pictures, rows };
    }).filter(({ slots }) => slots.length > 0);
    // -2 marks unused places of `add_slot`, -1 a sample that the reservoir dropped.
    const kept = given(addIndex(step)).map((picture, i) => ({
      picture,
      row: streamPictures.indexOf(picture),
      slot: addSlot(step)[i],
    }));
    return {
      task: info.task,
      streamPictures,
      stream: { pictures: select(mirrored, streamPictures), labels: given(labels(step)) },
      draws,
      kept,
      loss: file.get("step/loss").data[step],
      lossDouble: json.loss_f64[step],
      streamLogits: Float64Array.from(integers("logits_stream")(step))
        .slice(0, streamPictures.length * heads),
    };
  });
  const states = [...file.tensors.keys()].map((name) => /^state\/(\d+)\//.exec(name)?.[1]);
  return {
    width,
    heads,
    learningRate: json.lr,
    alpha: json.alpha,
    beta: json.beta,
    bufferSize,
    poolBytes,
    poolHeads: Array.from(file.get("pool/head").data),
    poolStream: mirrored,
    poolReplay: replayed,
    steps,
    stateSteps: [...new Set(states.filter((step) => step !== undefined).map(Number))].sort((a, b) =>
      a - b
    ),
    networkAt: (step) => {
      const state: State = file.state(`state/${String(step).padStart(3, "0")}/`);
      return { width, heads, state };
    },
    file,
  };
}

/** Rows of an activation by index, repetitions allowed. */
export function select({ data, shape: [, c, h, w] }: Activation, rows: number[]): Activation {
  const size = c * h * w;
  const result = new Float64Array(rows.length * size);
  rows.forEach((row, i) => result.set(data.subarray(row * size, (row + 1) * size), i * size));
  return { data: result, shape: [rows.length, c, h, w] };
}

/** Bytes to network input, in place, rounding to float32 after each operation. */
function normalise({ data, shape: [, c, h, w] }: Activation, mean: number[], deviation: number[]) {
  const f = Math.fround;
  for (let i = 0; i < data.length; i++) {
    const channel = Math.floor(i / (h * w)) % c;
    data[i] = f(f(f(data[i] / 255) - f(mean[channel])) / f(deviation[channel]));
  }
}

function mirror({ data, shape }: Activation): Activation {
  const w = shape[3];
  return { data: data.map((_, i) => data[i - i % w + w - 1 - i % w]), shape };
}

function channelsLast({ data, shape: [n, c, h, w] }: Activation): Uint8Array {
  const bytes = new Uint8Array(data.length);
  for (let image = 0; image < n; image++) {
    for (let at = 0; at < h * w; at++) {
      for (let channel = 0; channel < c; channel++) {
        bytes[(image * h * w + at) * c + channel] = data[(image * c + channel) * h * w + at];
      }
    }
  }
  return bytes;
}
