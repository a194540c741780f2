import { InputError } from "../src/errors.ts";
import { derppStepWith } from "../src/method/derpp.ts";
import { erStep } from "../src/method/er.ts";
import { erAceStep } from "../src/method/er_ace.ts";
import type { ReplayStep } from "../src/method/replay.ts";
import { widthOf } from "./network_state.ts";
import type { OfficialRecording } from "./official_recording.ts";

type TraceMethod = "er_ace" | "er" | "derpp";

/** The method of a recorded trace; null: it is none. ER replays in the first task already, ER-ACE does not. */
export function traceMethod(recording: OfficialRecording): TraceMethod | null {
  const { json, tensors } = recording;
  if (!tensors.has("step/stream_idx")) return null;
  if (tensors.has("step/draw_logits")) return "derpp";
  if (json?.model === "er" || json?.model === "er_ace") return json.model;
  const firstTask = json?.task_switch_before_step ?? 2;
  const drawn = recording.numbers("step/draw_slot");
  const perStep = drawn.length / recording.shape("step/draw_slot")[0];
  return drawn.subarray(0, firstTask * perStep).some((slot) => slot >= 0) ? "er" : "er_ace";
}

export interface Trace {
  readonly steps: number;
  readonly step: ReplayStep;
  readonly heads: number;
  readonly width: number;
  readonly capacity: number;
  /** Pictures by slot after all steps, -1 while empty; and, for DER++, the recorded logits stored there. */
  readonly pictures: number[];
  readonly logits: number[][];
  /** Steps that may be compared behind a recorded state. */
  readonly horizon: number;
}

export function readTrace(recording: OfficialRecording, method: TraceMethod): Trace {
  const { json } = recording;
  const state = recording.state("state/000") ?? recording.state(firstState(recording));
  if (!state) throw new InputError(`Cannot check ${recording.name}: it has no recorded state`);
  const capacity = json.config?.buf ?? recording.shape("final/buffer_idx")[0];
  const steps: Record<TraceMethod, ReplayStep> = {
    er_ace: erAceStep,
    er: erStep,
    derpp: derppStepWith({ alpha: json.alpha, beta: json.beta }),
  };
  return {
    steps: recording.shape("step/stream_idx")[0],
    step: steps[method],
    heads: recording.shape("step/logits_stream")[2],
    width: widthOf(state),
    capacity,
    pictures: new Array(capacity).fill(-1),
    logits: [],
    horizon: json.state_every ?? 2,
  };
}

function firstState({ tensors }: OfficialRecording): string {
  const names = [...tensors.keys()].flatMap((name) => /^state\/\d+/.exec(name)?.[0] ?? []);
  return names.sort()[0] ?? "state/none";
}

export function stateBefore(recording: OfficialRecording, step: number) {
  return recording.state(`state/${String(step).padStart(3, "0")}`);
}

/** Rows of each of a step's draws. */
export function split(recording: OfficialRecording, name: string, step: number): number[][] {
  const [, count, size] = recording.shape(name);
  const values = recording.row(name, step);
  return Array.from({ length: count }, (_, draw) => values.slice(draw * size, (draw + 1) * size));
}
