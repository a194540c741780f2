import { InputError } from "../src/errors.ts";
import { assemble, type Assembly } from "../src/experiment/build.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { download } from "../src/gpu/tensor.ts";
import type { Sample } from "../src/learner/batch.ts";
import type { StepLoss } from "../src/learner/options.ts";
import type { Task } from "../src/method/session.ts";
import type { Comparison } from "./comparison.ts";
import { compareState, LIMIT } from "./network_state.ts";
import { officialConfig } from "./official_config.ts";
import type { Json, OfficialRecording } from "./official_recording.ts";
import { imagesOf, normalisation } from "./pictures.ts";
import { readTrace, split, stateBefore, type Trace, traceMethod } from "./recorded_trace.ts";
import { RecordedDraws } from "./recorded_draws.ts";
import { loadNearby, reproduce } from "./reproduce.ts";
import {
  compareInputs,
  compareMemory,
  compareRememberedLogits,
  uploadLogits,
} from "./trace_memory.ts";

/** Gradients are compared where no ReLU input came nearer to 0 than this. */
const SAFE_MARGIN = 1e-5;

/**
 * Official training steps of one method: starts from every recorded state, replays the draws through the steps that a
 * run takes, and compares losses, logits, gradients, the next recorded state and the memory.
 */
export async function checkTrace(
  gpu: Gpu,
  recording: OfficialRecording,
  comparison: Comparison,
): Promise<void> {
  const { json } = recording;
  if (!json) {
    throw new InputError(`Cannot check ${recording.name}: ${recording.name}.json is missing`);
  }
  const method = traceMethod(recording)!;
  const trace = readTrace(recording, method);
  const draws = new RecordedDraws();
  const losses: StepLoss[] = [];
  const config = officialConfig({
    method,
    base: method,
    ...normalisation(recording),
    tasks: trace.heads,
    classesPerTask: 1,
    size: recording.shape("pool/plain")[2],
    width: trace.width,
    learningRate: json.lr,
    batchSize: recording.shape("step/stream_idx")[1],
    replayBatchSize: recording.shape("step/draw_slot")[2],
    epochs: 1,
    capacity: trace.capacity,
    derpp: { alpha: json.alpha ?? 0, beta: json.beta ?? 0 },
  });
  const images = imagesOf(recording, "pool/plain", recording.numbers("pool/head"));
  const everything = Uint32Array.from(images.labels.keys());
  const split = {
    classes: [0],
    train: everything,
    validation: new Uint32Array(),
    freezingBuffer: new Uint32Array(),
    test: everything.subarray(0, 1),
  };
  const assembly = assemble(gpu, config, {
    dataset: { name: recording.name, train: images, test: images },
    dreams: null,
    tasks: [split],
    headChoice: [everything],
  }, {
    onLosses: (read) => losses.push(...read),
    begin: () => {},
    random: draws.random,
  });
  try {
    assembly.stream.load(images, everything);
    compareInputs(comparison, recording, images);
    await replay({ trace, recording, comparison, assembly, draws, losses });
    await compareMemory(trace, assembly, images, comparison, recording);
  } finally {
    assembly.destroy();
  }
}

interface Context {
  readonly trace: Trace;
  readonly recording: OfficialRecording;
  readonly comparison: Comparison;
  readonly assembly: Assembly;
  readonly draws: RecordedDraws;
  /** Losses read back so far. */
  readonly losses: readonly StepLoss[];
}

/** Runs the trace segment by segment: from a recorded state up to the next one. */
async function replay(context: Context): Promise<void> {
  const { trace, recording, comparison, assembly: { network, session: { longTerm } } } = context;
  let seen = new Set<number>();
  const starts = Array.from({ length: trace.steps }, (_, step) => step)
    .filter((step) => step === 0 || stateBefore(recording, step));
  for (const [i, start] of starts.entries()) {
    const state = stateBefore(recording, start);
    const end = starts[i + 1] ?? trace.steps;
    const [pictures, logits, seenBefore] = [trace.pictures.slice(), trace.logits.slice(), seen];
    const memory = longTerm.snapshot();
    try {
      await reproduce(comparison, `step ${start}`, async (attempt, found) => {
        longTerm.restore(memory);
        trace.pictures.splice(0, Infinity, ...pictures);
        trace.logits.splice(0, Infinity, ...logits);
        seen = new Set(seenBefore);
        if (state) loadNearby(network, state, recording.name, attempt);
        uploadLogits(trace, longTerm.logits, network.gpu);
        for (let step = start; step < end; step++) {
          const compared = state !== null && step - start < trace.horizon;
          await replayStep(context, found, step, seen, compared);
        }
      });
    } finally {
      memory.destroy();
    }
  }
}

async function replayStep(
  { trace, recording, draws, losses, assembly: { network, session, stream } }: Context,
  comparison: Comparison,
  step: number,
  seen: Set<number>,
  compared: boolean,
): Promise<void> {
  const { json } = recording;
  const { learner, longTerm } = session;
  const given = (values: number[]) => values.filter((value) => value >= 0);
  const noise = (key: string) => 20 * (json.single_step_noise?.[key]?.[step] ?? 0);
  const info: Json = json.steps_info[step];
  const where = `step ${step}`;
  const heads = json.real_heads_per_task[info.task];
  const pictures = given(recording.row("step/stream_idx", step));
  const labels = given(recording.row("step/labels", step));
  const task: Task = { index: info.task, heads, train: [], validation: [], previousBuffer: [] };
  const batch = pictures.map((image, i): Sample => ({ from: stream, image, label: labels[i] }));
  const perDraw = split(recording, "step/draw_slot", step).map(given);
  const replays = perDraw.filter((slots) => slots.length > 0);
  const kept = given(recording.row("step/add_idx", step));
  const slots = recording.row("step/add_slot", step).slice(0, kept.length);
  const mirrored = [
    ...batch.map(() => true),
    ...replays.flatMap((drawn) => drawn.map(() => false)),
  ];
  comparison.same(
    "replayed labels",
    where,
    replays.flatMap((drawn) => drawn.map((slot) => longTerm.labels[slot])),
    split(recording, "step/draw_labels", step).flatMap(given),
  );
  draws.use({ replays, slots, offered: longTerm.reservoir.offered, mirrored });
  await trace.step(session, task, batch, { seen, phase: "stream" });
  await learner.readLosses();
  comparison.same("draws", `${where}: ${draws.mismatches}`, [draws.mismatches.length], [0]);
  if (info.num_seen_examples !== undefined) {
    const offered = longTerm.reservoir.offered;
    comparison.same("memory", where, [offered], [info.num_seen_examples]);
  }
  const streamLogits = recording.row("step/logits_stream", step)
    .slice(0, batch.length * trace.heads);
  slots.forEach((slot, i) => {
    if (slot < 0) return;
    const row = pictures.indexOf(kept[i]);
    trace.pictures[slot] = kept[i];
    trace.logits[slot] = streamLogits.slice(row * trace.heads, (row + 1) * trace.heads);
  });

  if (!compared) return;
  const loss = recording.numbers("step/loss")[step];
  const lossLimit = Math.max(LIMIT, noise("loss"));
  comparison.close("losses", where, [losses.at(-1)!.loss], [loss], lossLimit);
  await compareLogits(trace, comparison, where, recording, step, network, {
    streamLogits,
    drawn: replays.map((drawn) => drawn.length),
    limit: Math.max(LIMIT, noise("logits")),
  });
  if ((info.relu_margin ?? 0) >= SAFE_MARGIN) {
    for (const array of await network.exportGradients()) {
      const name = `step/grad_${array.name.replace(".", "_")}`;
      if (!recording.has(name)) continue;
      const expected = recording.row(name, step);
      const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
      const relative = (values: ArrayLike<number>) => Array.from(values, (v) => v / scale);
      comparison.close("gradients", where, relative(array.data), relative(expected), LIMIT);
    }
  }
  const next = stateBefore(recording, step + 1);
  if (!next) return;
  const limit = Math.max(LIMIT, noise("next_state"));
  await compareState(comparison, where, network, next, limit);
  if (longTerm.logits) {
    await compareRememberedLogits(trace, longTerm.logits, network.gpu, comparison, where);
  }
}

async function compareLogits(
  { heads }: Trace,
  comparison: Comparison,
  where: string,
  recording: OfficialRecording,
  step: number,
  network: Assembly["network"],
  expected: { streamLogits: number[]; drawn: number[]; limit: number },
): Promise<void> {
  const { streamLogits, drawn, limit } = expected;
  const replayLogits = drawn.flatMap((count, draw) =>
    split(recording, "step/logits_replay", step)[draw].slice(0, count * heads)
  );
  const all = [...streamLogits, ...replayLogits];
  const [padded] = await download(network.gpu, [network.activations.logits]);
  const width = network.activations.logits.shape[1];
  const found = all.map((_, i) => padded[Math.floor(i / heads) * width + i % heads]);
  comparison.close("logits", where, found, all, limit);
}
