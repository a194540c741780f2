import type { Gpu } from "../src/gpu/device.ts";
import { InputError } from "../src/errors.ts";
import { Comparison } from "./comparison.ts";
import { checkNetwork } from "./network.ts";
import { checkOps, isOps } from "./ops.ts";
import { type OfficialRecording, readRecordings } from "./official_recording.ts";
import { checkRun, isRun } from "./run.ts";
import {
  checkFreezeScore,
  checkHeads,
  checkMetrics,
  checkReservoir,
  checkSplits,
} from "./tables.ts";
import { traceMethod } from "./recorded_trace.ts";
import { checkTrace } from "./trace.ts";
import { checkTransforms, isTransforms } from "./transforms.ts";

/** What was found out about one recording. */
export interface RecordingCheck {
  readonly name: string;
  readonly kind: string;
  readonly ok: boolean;
  /** Quantities with their worst errors, or why it could not be checked. */
  readonly text: string;
}

type Check = (
  gpu: Gpu,
  recording: OfficialRecording,
  comparison: Comparison,
) => Promise<void> | void;

/** What a recording is, told by its content; null: nothing that is known. */
function kindOf(recording: OfficialRecording): { kind: string; check: Check } | null {
  const { json } = recording;
  const table =
    (check: (recording: OfficialRecording, comparison: Comparison) => void): Check =>
    (_, recording, comparison) => check(recording, comparison);
  const method = traceMethod(recording);
  if (method) return { kind: `${method}_trace`, check: checkTrace };
  if (recording.has("init/conv1.weight") && recording.has("train/logits")) {
    const kind = recording.has("init/fc.weight") ? "resnet18_torchvision" : "resnet18";
    return { kind, check: checkNetwork };
  }
  if (isRun(recording)) {
    const kind = json?.metrics ? `fullrun_${json.config?.model}` : "freezing_trace";
    return { kind, check: checkRun };
  }
  if (isTransforms(recording)) return { kind: "transforms", check: checkTransforms };
  if (isOps(recording)) return { kind: "ops", check: checkOps };
  const first = json?.cases?.[0];
  if (!first) return null;
  if (first.main_train_labels) return { kind: "splits", check: table(checkSplits) };
  if (first.class_to_head) return { kind: "heads", check: table(checkHeads) };
  if (first.draws_low_highexclusive_value) {
    return { kind: "reservoir", check: table(checkReservoir) };
  }
  if (first.random_results) return { kind: "metrics", check: table(checkMetrics) };
  if (first.candidates) return { kind: "freeze_score", check: table(checkFreezeScore) };
  return null;
}

/**
 * Replays every recording of the official program in `folder` through the functions that a run uses, and reports each.
 *
 * @throws {InputError} for a folder that cannot be read or holds no recording.
 */
export async function checkFolder(
  gpu: Gpu,
  folder: string,
  report: (check: RecordingCheck) => void,
): Promise<RecordingCheck[]> {
  const checks: RecordingCheck[] = [];
  for (const recording of await readRecordings(folder)) {
    const check = await checkRecording(gpu, recording);
    if (!check) continue;
    report(check);
    checks.push(check);
  }
  if (checks.length === 0) {
    throw new InputError(
      `Cannot check ${folder}: it holds no recordings of the official program (NAME.safetensors, NAME.json)`,
    );
  }
  return checks;
}

/** Replays one recording; null: it is of no known kind. */
export async function checkRecording(
  gpu: Gpu,
  recording: OfficialRecording,
): Promise<RecordingCheck | null> {
  const found = kindOf(recording);
  if (!found) return null;
  const { kind, check } = found;
  const { name } = recording;
  const comparison = new Comparison();
  try {
    await check(gpu, recording, comparison);
    return { name, kind, ok: comparison.ok, text: comparison.toString() };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { name, kind, ok: false, text: `${reason}; so far: ${comparison}` };
  }
}
